//! Claims about conditional writes and reads of S3, with objects of a few bytes below the scratch prefix.

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use landbridge_aws::S3;
use landbridge_aws::s3::ConditionalWrite;
use landbridge_core::ErrorKind;
use landbridge_core::plan::objects::ObjectMeta;

use super::{Options, content, failed};
use crate::google::Run;
use crate::report::{Finding, Probed, Shape, Stop, seen};

/// How many creations of one key run at the same time.
const AT_ONCE: u64 = 12;
/// How often an object is written, read and listed.
const ROUNDS: u64 = 20;

/// The objects of a run.
struct Scratch<'a> {
    s3: &'a S3,
    bucket: &'a str,
    prefix: String,
}

pub(super) async fn probe(s3: &S3, options: &Options, run: &Run, findings: &mut Vec<Finding>) {
    let scratch = Scratch { s3, bucket: &options.bucket, prefix: run.prefix() };
    let skip = || Err(Stop::skipped("needs --write"));
    let writes = options.writes;
    let mut add = |claim, probed| findings.push(Finding::new(claim, probed));
    add("s3-create-if-none-match", if writes { scratch.created_once().await } else { skip() });
    add("s3-replace-if-match", if writes { scratch.replaced().await } else { skip() });
    add("s3-read-after-write", if writes { scratch.read_at_once().await } else { skip() });
    add("s3-etag-follows-content", if writes { scratch.etags().await } else { skip() });
    add("s3-put-whole", if writes { scratch.checked().await } else { skip() });
    add("s3-get-if-match", if writes { scratch.old_range().await } else { skip() });
}

impl Scratch<'_> {
    fn key(&self, name: &str) -> String {
        format!("{}{name}", self.prefix)
    }

    /// Creates an object, and returns its ETag.
    async fn create(&self, name: &str, number: u64) -> Result<String, Stop> {
        let written = self.s3.create(self.bucket, &self.key(name), content(number)).await;
        match written.map_err(failed("an object was not created"))? {
            ConditionalWrite::Written { etag } => Ok(etag),
            // The key is new, so an attempt whose answer was lost has created it.
            ConditionalWrite::PreconditionFailed => Ok(self.read(name).await?.1),
        }
    }

    async fn read(&self, name: &str) -> Result<(bytes::Bytes, String), Stop> {
        let read = self.s3.get(self.bucket, &self.key(name)).await;
        let read = read.map_err(failed("an object was not read"))?;
        read.ok_or_else(|| Stop::failed(Shape::of("an object was not read, it does not exist")))
    }

    async fn replace(&self, name: &str, etag: &str, number: u64) -> Result<Option<String>, Stop> {
        let written = self.s3.replace(self.bucket, &self.key(name), etag, content(number)).await;
        Ok(match written.map_err(failed("an object was not replaced"))? {
            ConditionalWrite::Written { etag } => Some(etag),
            ConditionalWrite::PreconditionFailed => None,
        })
    }

    async fn created_once(&self) -> Probed {
        let key = self.key("at-once");
        let all = (0..AT_ONCE).map(|number| self.s3.create(self.bucket, &key, content(number)));
        let mut winners = Vec::new();
        for (number, written) in (0..).zip(futures::future::join_all(all).await) {
            let written = written.map_err(failed("an object was not created"))?;
            if matches!(written, ConditionalWrite::Written { .. }) {
                winners.push(number);
            }
        }
        if winners.is_empty() {
            // The SDK repeated the one that succeeded, because its answer was lost.
            return Err(Stop::failed(Shape::of("no creation was answered as the first")));
        }
        let (read, _) = self.read("at-once").await?;
        let is_winners = winners.first().is_some_and(|it| content(*it) == read);
        let shape = Shape::of("of 12 creations at once").number(winners.len() as u64, "succeeded");
        let shape =
            shape.and(if is_winners { "its content is there" } else { "other content is there" });
        seen(winners.len() == 1 && is_winners, shape)
    }

    async fn replaced(&self) -> Probed {
        let first = self.create("replaced", 1).await?;
        let second = self.replace("replaced", &first, 2).await?;
        let old = self.replace("replaced", &first, 3).await?;
        let missing = self.replace("missing", &first, 4).await?;
        let unchanged = self.read("replaced").await?.0 == content(2);
        let say = |done, yes, no| if done { yes } else { no };
        let shape = Shape::of(say(second.is_some(), "its ETag replaces", "its ETag is refused"))
            .and(say(old.is_none(), "an old ETag is refused", "an old ETag replaces"))
            .and(say(missing.is_none(), "a missing key is refused", "a missing key is created"))
            .and(say(unchanged, "refusals change nothing", "a refusal changed the content"));
        seen(second.is_some() && old.is_none() && missing.is_none() && unchanged, shape)
    }

    async fn read_at_once(&self) -> Probed {
        let (mut read, mut listed) = (0, 0);
        for number in 0..ROUNDS {
            let name = format!("round-{number}");
            self.create(&name, number).await?;
            read += u64::from(self.read(&name).await?.0 == content(number));
            let list = self.s3.list(self.bucket, &self.key(&name)).await;
            let list = list.map_err(failed("the objects were not listed"))?;
            listed += u64::from(list.iter().any(|it| it.key == self.key(&name)));
        }
        let shape =
            Shape::of("of 20 writes").number(read, "read at once").number(listed, "listed at once");
        seen(read == ROUNDS && listed == ROUNDS, shape)
    }

    async fn etags(&self) -> Probed {
        let first = self.create("etag", 1).await?;
        let stays = self.read("etag").await?.1 == first && self.read("etag").await?.1 == first;
        let Some(second) = self.replace("etag", &first, 2).await? else {
            return Err(Stop::failed(Shape::of("the object was not replaced")));
        };
        let changes = second != first;
        let shape = Shape::of(if stays {
            "it stays without a write"
        } else {
            "it changes without a write"
        });
        let shape =
            shape.and(if changes { "other content changes it" } else { "other content keeps it" });
        seen(stays && changes, shape)
    }

    /// Sends a body with the checksum of another one, and with its own.
    async fn checked(&self) -> Probed {
        let checksum = |number| STANDARD.encode(crc32c::crc32c(&content(number)).to_be_bytes());
        let put = async |name: &str, sum: String| {
            let key = self.key(name);
            self.s3.create_with_checksum(self.bucket, &key, content(1), &sum).await
        };
        let wrong = put("wrong-checksum", checksum(2)).await;
        if let Err(error) = &wrong
            && error.kind() != ErrorKind::Rejected
        {
            return Err(Stop::failed(Shape::of("AWS did not answer, or refused every write")));
        }
        let exists = self.s3.get(self.bucket, &self.key("wrong-checksum")).await;
        let exists = exists.map_err(failed("an object was not read"))?.is_some();
        let right = put("right-checksum", checksum(1)).await;
        // One whose answer was lost is repeated and refused; its content is compared.
        let _ = right.map_err(failed("an object was not created"))?;
        let whole = self.read("right-checksum").await?.0 == content(1);
        let say = |done, yes, no| if done { yes } else { no };
        let shape = Shape::of(say(wrong.is_err(), "refused with another checksum", "taken"))
            .and(say(exists, "an object exists", "no object exists"))
            .and(say(whole, "with its checksum the whole body", "with its checksum other content"));
        seen(wrong.is_err() && !exists && whole, shape)
    }

    async fn old_range(&self) -> Probed {
        let etag = self.create("range", 1).await?;
        let bytes = content(1).len() as u64;
        let object = ObjectMeta { key: self.key("range"), etag: etag.clone(), bytes };
        let current = self.s3.range(self.bucket, &object, 0, 4).await;
        current.map_err(failed("a range was not read"))?;
        self.replace("range", &etag, 2).await?;
        let old = self.s3.range(self.bucket, &object, 0, 4).await;
        let refused = old.is_err_and(|error| error.kind() == ErrorKind::Conflict);
        seen(
            refused,
            Shape::of(if refused { "an old ETag is refused" } else { "an old ETag is read" }),
        )
    }
}
