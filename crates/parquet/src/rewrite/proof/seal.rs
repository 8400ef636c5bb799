//! Seals figures for the ledger, so that who reads them without the key learns nothing.
//!
//! Figures are oracles: with the sum of the hashes of a column of which most values are known, the rest
//! can be computed. So a record contains them encrypted, as
//!
//! ```text
//! fp2_ + base64url( tag ‖ ( figures ⊕ stream ) )
//! tag    = first 16 bytes of HMAC-SHA-256( K₁, context ‖ figures )
//! stream = HMAC-SHA-256( K₂, tag ‖ 0 ) ‖ HMAC-SHA-256( K₂, tag ‖ 1 ) ‖ …
//! ```
//!
//! with `K₁` and `K₂` derived from the proof key and the source's name, each with a label of its own. This is
//! the form of SIV (RFC 5297) over HMAC-SHA-256: it needs no random number, so the same transfer writes the same
//! record, and a repeated context reveals only whether the figures are equal. The context is day, table, number of
//! the object and column, so equal columns of two days or two tables have different records. All records have
//! the same length.

use std::fmt::Write as _;

use base64::{Engine, engine::general_purpose::URL_SAFE_NO_PAD};
use landbridge_core::config::Mask;
use landbridge_core::proof::rows::RowProof;
use landbridge_core::proof::{ColumnProof, Content, Figures, Masked, Total};

use super::super::token::Hmac;

/// The prefix of sealed figures, which contains the version of the format.
const PREFIX: &str = "fp2_";
const TAG_BYTES: usize = 16;
/// `count`, `sum`, `xor`, whether there is a total, its scale and its units.
const FIGURES_BYTES: usize = 8 + 16 + 8 + 1 + 1 + 16;
/// Whether there is a content, what its footer declares, and its digest.
const CONTENT_BYTES: usize = 1 + 8 + 16;
/// Plain figures, the mask and its figures, and the content.
const PLAIN_BYTES: usize = FIGURES_BYTES + 1 + FIGURES_BYTES + CONTENT_BYTES;

/// The key that seals the figures of one source. Its `Debug` output does not contain the key.
#[derive(Clone)]
pub struct ProofKey {
    tags: Hmac,
    stream: Hmac,
}

impl std::fmt::Debug for ProofKey {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str("ProofKey(…)")
    }
}

impl ProofKey {
    /// The key for figures of a source: `HMAC-SHA-256(secret, "landbridge/proof/1" ‖ 0 ‖ source)`, and from
    /// it one for tags and one for streams.
    pub(in super::super) fn new(secret: &[u8], source: &str) -> Self {
        let label = [b"landbridge/proof/1\0", source.as_bytes()].concat();
        Self::of_root(&Hmac::new(secret).mac(&label))
    }

    /// Seals figures. The same context and figures always give the same text.
    pub fn seal(&self, context: &[&str], proof: &ColumnProof) -> String {
        let mut bytes = [0; PLAIN_BYTES];
        write_proof(proof, &mut bytes);
        self.seal_bytes(PREFIX, context, &bytes)
    }

    /// Seals a fingerprint of rows, as [`Self::seal`]. Its context must have another number of parts than
    /// the contexts of columns.
    pub fn seal_rows(&self, context: &[&str], proof: &RowProof) -> String {
        let mut bytes = [0; PLAIN_BYTES];
        bytes[..8].copy_from_slice(&proof.columns.to_be_bytes());
        write_figures(&proof.figures, &mut bytes[8..]);
        self.seal_bytes(PREFIX, context, &bytes)
    }

    /// Seals figures of a fixed length, at most 8 KiB. Each kind has a prefix of its own.
    pub(super) fn seal_bytes(&self, prefix: &str, context: &[&str], bytes: &[u8]) -> String {
        let tag = self.tag(context, bytes);
        let mut bytes = bytes.to_vec();
        self.apply_stream(tag, &mut bytes);
        format!("{prefix}{}", URL_SAFE_NO_PAD.encode([&tag[..], &bytes].concat()))
    }

    /// Opens what [`Self::seal_bytes`] sealed. `None` as for [`Self::open`].
    pub(super) fn open_bytes(
        &self,
        prefix: &str,
        context: &[&str],
        sealed: &str,
    ) -> Option<Vec<u8>> {
        let bytes = URL_SAFE_NO_PAD.decode(sealed.strip_prefix(prefix)?).ok()?;
        let (tag, rest) = bytes.split_first_chunk::<TAG_BYTES>()?;
        let mut bytes = rest.to_vec();
        self.apply_stream(*tag, &mut bytes);
        // The tag is no secret to a person who can compute it, so the comparison may take any time.
        (self.tag(context, &bytes) == *tag).then_some(bytes)
    }

    /// A key over the same secret for another purpose.
    pub(super) fn of_root(root: &[u8; 32]) -> Self {
        let root = Hmac::new(root);
        Self { tags: Hmac::new(&root.mac(b"tags")), stream: Hmac::new(&root.mac(b"stream")) }
    }

    /// A keyed digest of `message`: the first 16 bytes of an HMAC, as hexadecimal digits.
    pub(super) fn digest(&self, message: &[u8]) -> String {
        let mac = self.tags.mac(message);
        mac[..TAG_BYTES].iter().fold(String::new(), |mut text, byte| {
            let _ = write!(text, "{byte:02x}");
            text
        })
    }

    /// Opens sealed figures. `None` if they were sealed with another key or context, or were changed.
    pub fn open(&self, context: &[&str], sealed: &str) -> Option<ColumnProof> {
        read_proof(self.open_bytes(PREFIX, context, sealed)?.as_slice().try_into().ok()?)
    }

    /// Opens a sealed fingerprint of rows, as [`Self::open`].
    pub fn open_rows(&self, context: &[&str], sealed: &str) -> Option<RowProof> {
        let bytes = self.open_bytes(PREFIX, context, sealed)?;
        let (columns, rest) = bytes.split_first_chunk()?;
        Some(RowProof { columns: u64::from_be_bytes(*columns), figures: read_figures(rest)? })
    }

    fn tag(&self, context: &[&str], bytes: &[u8]) -> [u8; TAG_BYTES] {
        let mut message = Vec::new();
        for part in context {
            message.extend_from_slice(&(part.len() as u64).to_be_bytes());
            message.extend_from_slice(part.as_bytes());
        }
        message.extend_from_slice(bytes);
        let mut tag = [0; TAG_BYTES];
        tag.copy_from_slice(&self.tags.mac(&message)[..TAG_BYTES]);
        tag
    }

    fn apply_stream(&self, tag: [u8; TAG_BYTES], bytes: &mut [u8]) {
        for (number, block) in (0_u8..).zip(bytes.chunks_mut(32)) {
            let stream = self.stream.mac(&[&tag[..], &[number]].concat());
            block.iter_mut().zip(stream).for_each(|(byte, stream)| *byte ^= stream);
        }
    }
}

fn write_proof(proof: &ColumnProof, out: &mut [u8; PLAIN_BYTES]) {
    write_figures(&proof.plain, &mut out[..FIGURES_BYTES]);
    if let Some(masked) = &proof.masked {
        // The number of a mask is its place in the list; the list only grows.
        let number = Mask::ALL.iter().position(|mask| *mask == masked.mask).unwrap_or(0);
        out[FIGURES_BYTES] = number as u8 + 1;
        write_figures(&masked.figures, &mut out[FIGURES_BYTES + 1..]);
    }
    if let Some(content) = &proof.content {
        let out = &mut out[PLAIN_BYTES - CONTENT_BYTES..];
        out[0] = 1;
        out[1..9].copy_from_slice(&content.declared.to_be_bytes());
        out[9..].copy_from_slice(&content.digest);
    }
}

fn write_figures(figures: &Figures, out: &mut [u8]) {
    out[..8].copy_from_slice(&figures.count.to_be_bytes());
    out[8..24].copy_from_slice(&figures.sum.to_be_bytes());
    out[24..32].copy_from_slice(&figures.xor.to_be_bytes());
    if let Some(total) = figures.total {
        (out[32], out[33]) = (1, total.scale);
        out[34..50].copy_from_slice(&total.units.to_be_bytes());
    }
}

fn read_proof(bytes: &[u8; PLAIN_BYTES]) -> Option<ColumnProof> {
    let (figures, content) = bytes.split_at(PLAIN_BYTES - CONTENT_BYTES);
    let (has_content, content) = content.split_first()?;
    let (declared, digest) = content.split_first_chunk()?;
    let content =
        Content { declared: u64::from_be_bytes(*declared), digest: *digest.first_chunk()? };
    let (plain, rest) = figures.split_at(FIGURES_BYTES);
    let (number, masked) = rest.split_first()?;
    let masked = match number.checked_sub(1) {
        None => None,
        Some(number) => {
            let mask = *Mask::ALL.get(usize::from(number))?;
            Some(Masked { mask, figures: read_figures(masked)? })
        }
    };
    let content = (*has_content == 1).then_some(content);
    Some(ColumnProof { plain: read_figures(plain)?, masked, texts: None, content })
}

fn read_figures(bytes: &[u8]) -> Option<Figures> {
    let (count, rest) = bytes.split_first_chunk::<8>()?;
    let (sum, rest) = rest.split_first_chunk::<16>()?;
    let (xor, rest) = rest.split_first_chunk::<8>()?;
    let ([has_total, scale], units) = rest.split_first_chunk::<2>()?;
    let units = i128::from_be_bytes(*units.first_chunk()?);
    Some(Figures {
        count: u64::from_be_bytes(*count),
        sum: i128::from_be_bytes(*sum),
        xor: u64::from_be_bytes(*xor),
        total: (*has_total == 1).then_some(Total { units, scale: *scale }),
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    fn proof() -> ColumnProof {
        let mut plain = Figures::none(Some(2));
        plain.add(u64::MAX);
        plain.add_number(-5, 1);
        let mut shown = Figures::none(None);
        shown.add(7);
        let content = Content { declared: 7, digest: [9; 16] };
        ColumnProof {
            plain,
            masked: Some(Masked { mask: Mask::EmailMask, figures: shown }),
            texts: None,
            content: Some(content),
        }
    }

    fn key(byte: u8, source: &str) -> ProofKey {
        ProofKey::new(&[byte; 32], source)
    }

    const CONTEXT: [&str; 4] = ["2026-11-21", "orders@0123", "0", "email"];

    #[test]
    fn sealed_figures_can_be_opened_with_key_and_context_only() {
        let sealed = key(7, "shop").seal(&CONTEXT, &proof());
        assert_eq!(key(7, "shop").open(&CONTEXT, &sealed), Some(proof()));
        assert_eq!(sealed, key(7, "shop").seal(&CONTEXT, &proof()), "repeatable");
        assert_eq!(key(8, "shop").open(&CONTEXT, &sealed), None, "another key");
        assert_eq!(key(7, "blog").open(&CONTEXT, &sealed), None, "another source");
        for (at, other) in [(0, "2026-11-22"), (1, "orders@0124"), (2, "1"), (3, "name")] {
            let mut context = CONTEXT;
            context[at] = other;
            assert_eq!(key(7, "shop").open(&context, &sealed), None, "{other}");
            assert_ne!(key(7, "shop").seal(&context, &proof()), sealed, "{other}");
        }
        // Parts of the context cannot run together.
        let joined = ["2026-11-21orders@0123", "", "0", "email"];
        assert_eq!(key(7, "shop").open(&joined, &sealed), None);
    }

    #[test]
    fn a_changed_record_is_refused() {
        let sealed = key(7, "shop").seal(&CONTEXT, &proof());
        let bytes = URL_SAFE_NO_PAD.decode(&sealed[PREFIX.len()..]).expect("base64");
        for at in 0..bytes.len() {
            let mut changed = bytes.clone();
            changed[at] ^= 1;
            let changed = format!("{PREFIX}{}", URL_SAFE_NO_PAD.encode(changed));
            assert_eq!(key(7, "shop").open(&CONTEXT, &changed), None, "byte {at}");
        }
        for broken in ["", "fp2_", "fp1_AAAA", &sealed[1..], &sealed[..sealed.len() - 2]] {
            assert_eq!(key(7, "shop").open(&CONTEXT, broken), None, "{broken}");
        }
    }

    #[test]
    fn fingerprints_of_rows() {
        let rows = RowProof { columns: 7, figures: proof().plain };
        let context = [CONTEXT.as_slice(), &["open"]].concat();
        let sealed = key(7, "shop").seal_rows(&context, &rows);
        assert_eq!(key(7, "shop").open_rows(&context, &sealed), Some(rows));
        assert_eq!(key(7, "shop").open_rows(&CONTEXT, &sealed), None);
        assert_eq!(sealed.len(), key(7, "shop").seal(&CONTEXT, &proof()).len());
    }

    /// The length would show which columns have a mask, a total or many values.
    #[test]
    fn all_sealed_figures_have_one_length() {
        let empty =
            ColumnProof { plain: Figures::none(None), masked: None, texts: None, content: None };
        let key = key(7, "shop");
        assert_eq!(key.seal(&CONTEXT, &empty).len(), key.seal(&CONTEXT, &proof()).len());
        assert_eq!(key.open(&CONTEXT, &key.seal(&CONTEXT, &empty)), Some(empty));
        assert_eq!(format!("{key:?}"), "ProofKey(…)");
    }
}
