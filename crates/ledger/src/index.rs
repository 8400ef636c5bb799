//! The index of a day: what ticks need of its receipts, in one object.
//!
//! The receipts are the truth. A tick lists their names and ETags, one call for a thousand of them, and
//! uses an entry of the index only if the listed ETag is that of the entry. Every other receipt is read.
//! An index that is missing, older, or written by another tick at the same time therefore costs calls
//! and is never wrong. S3 lists what was written before ("Amazon S3 data consistency model" in the S3
//! User Guide: strong read-after-write consistency of GET, PUT and LIST).

use futures::{StreamExt, TryStreamExt};
use landbridge_core::Result;

use crate::records::{
    self, INDEX, IndexEntry, IndexRecord, RECEIPTS, ReceiptSummaries, ReceiptSummary,
};
use crate::{DayLedger, Recorded, Written};

impl DayLedger {
    /// Summaries of all receipts of the day. Reads those that the index lacks, `at_once` at a time, and
    /// adds them to the index. Not a record: an index that cannot be read or written is reported in the
    /// log and otherwise ignored.
    ///
    /// # Errors
    /// As [`Self::get`] of a receipt; any error of listing.
    pub async fn receipt_summaries(&self, at_once: usize) -> Result<ReceiptSummaries> {
        let (recorded, next) = self.read_summaries(at_once).await?;
        let known = recorded.as_ref().map(|recorded| &recorded.value.receipts);
        if !next.receipts.is_empty() && known.is_none_or(|known| *known != next.receipts) {
            self.write_index(recorded.as_ref().map(|it| it.etag.as_str()), &next).await;
        }
        Ok(next.summaries())
    }

    /// The same for the operator's command, which may not write the index.
    ///
    /// # Errors
    /// As [`Self::receipt_summaries`].
    pub async fn receipt_summaries_read_only(&self, at_once: usize) -> Result<ReceiptSummaries> {
        Ok(self.read_summaries(at_once).await?.1.summaries())
    }

    /// The recorded index, and the one that all receipts make.
    async fn read_summaries(
        &self,
        at_once: usize,
    ) -> Result<(Option<Recorded<IndexRecord>>, IndexRecord)> {
        let listed = self.etags(RECEIPTS).await?;
        if listed.is_empty() {
            return Ok((None, IndexRecord::default()));
        }
        let recorded = self.index().await;
        let known = recorded.as_ref().map(|recorded| &recorded.value.receipts);
        let is_known = |name: &String, etag: &String| {
            known.and_then(|known| known.get(name)).filter(|entry| entry.etag == *etag)
        };
        let mut next = IndexRecord::default();
        let mut unknown = Vec::new();
        for (name, etag) in listed {
            match is_known(&name, &etag) {
                Some(entry) => _ = next.receipts.insert(name, entry.clone()),
                None => unknown.push(name),
            }
        }
        let mut read = futures::stream::iter(unknown)
            .map(|name| async move {
                let receipt = self.get(&records::receipt(&name)).await?;
                Result::Ok(receipt.map(|Recorded { value, etag }| {
                    (name, IndexEntry { etag, summary: ReceiptSummary::of(&value) })
                }))
            })
            .buffered(at_once.max(1));
        while let Some(entry) = read.try_next().await? {
            next.receipts.extend(entry);
        }
        drop(read);
        Ok((recorded, next))
    }

    /// The index, if there is one that can be read.
    async fn index(&self) -> Option<Recorded<IndexRecord>> {
        self.get(&INDEX).await.unwrap_or_else(|error| {
            tracing::warn!(kind = error.kind().name(), %error, "the index of a day cannot be read");
            None
        })
    }

    /// Writes the index if it has the version that was read. If another tick was faster, the next one
    /// adds what is missing.
    async fn write_index(&self, etag: Option<&str>, index: &IndexRecord) {
        let written = match etag {
            Some(etag) => self.replace(&INDEX, etag, index).await,
            None => self.create(&INDEX, index).await,
        };
        match written {
            Ok(Written::Yes) => {}
            Ok(Written::Overtaken) => {
                tracing::info!("another tick has written the index of the day")
            }
            Err(error) => {
                tracing::warn!(kind = error.kind().name(), %error, "the index of a day cannot be written");
            }
        }
    }
}
