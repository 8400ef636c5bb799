//! Seals the figures that audits compare between days, in the same way as `seal` seals the figures of a proof.

use landbridge_core::audit::Hidden;

use super::super::token::TokenKey;
use super::seal::ProofKey;

/// The prefix of sealed figures, which contains the version of the format.
const PREFIX: &str = "au1_";

/// The key that seals the figures of audits of one source. Its `Debug` output does not contain the key.
#[derive(Clone, Debug)]
pub struct AuditKey(ProofKey);

impl TokenKey {
    /// The key for audits of a source: `HMAC-SHA-256(key, "landbridge/audit/1" ‖ 0 ‖ source)`. It opens no
    /// figure of a proof and makes no token.
    pub fn audit_key(&self, source: &str) -> AuditKey {
        let root = self.mac(&[b"landbridge/audit/1\0", source.as_bytes()].concat());
        AuditKey(ProofKey::of_root(&root))
    }
}

impl AuditKey {
    /// Seals figures. The same context and figures always give the same text; all texts have one length.
    pub fn seal(&self, context: &[&str], hidden: &Hidden) -> String {
        self.0.seal_bytes(PREFIX, context, &hidden.to_bytes())
    }

    /// Opens sealed figures. `None` if they were sealed with another key or context, or were changed.
    pub fn open(&self, context: &[&str], sealed: &str) -> Option<Hidden> {
        Hidden::from_bytes(&self.0.open_bytes(PREFIX, context, sealed)?)
    }

    /// A keyed digest of the content of a table: equal texts mean equal content, and nothing else can be
    /// computed from it without the key.
    pub fn digest(&self, content: &str) -> String {
        self.0.digest(content.as_bytes())
    }
}

#[cfg(test)]
mod tests {
    use landbridge_core::proof::Total;
    use landbridge_core::rewrite::Bound;

    use super::*;

    #[test]
    fn sealed_figures_can_be_opened_with_key_and_context_only() {
        let key = |byte, source| TokenKey::new(&[byte; 32]).expect("a key").audit_key(source);
        let hidden = Hidden {
            min: Some(Bound::Decimal(-5, 2)),
            max: Some(Bound::Double(0.5)),
            total: Some(Total { units: i128::MAX, scale: 2 }),
        };
        let context = ["2026-11-21", "orders", "amount"];
        let sealed = key(7, "shop").seal(&context, &hidden);
        assert_eq!(key(7, "shop").open(&context, &sealed), Some(hidden));
        assert_eq!(key(8, "shop").open(&context, &sealed), None);
        assert_eq!(key(7, "blog").open(&context, &sealed), None);
        assert_eq!(key(7, "shop").open(&["2026-11-22", "orders", "amount"], &sealed), None);
        let empty = key(7, "shop").seal(&context, &Hidden::default());
        assert_eq!(sealed.len(), empty.len(), "the length says nothing");
        assert_ne!(key(7, "shop").digest("a"), key(8, "shop").digest("a"));
        // The key of a proof does not open what an audit sealed.
        let proof = ProofKey::new(&[7; 32], "shop");
        assert_eq!(proof.open_bytes(PREFIX, &context, &sealed), None);
    }
}
