//! The result of a call that creates something and never overwrites it.

/// Whether a create call created the resource or found it.
///
/// Every such call uses a derived name, so a repeated call finds what the first one created.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[must_use]
pub enum Created {
    /// The call created the resource.
    New,
    /// A resource with that name existed before the call. It is unchanged.
    AlreadyExists,
}

impl Created {
    /// Whether the call created the resource.
    pub fn is_new(self) -> bool {
        self == Self::New
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_a_created_resource_is_new() {
        assert!(Created::New.is_new());
        assert!(!Created::AlreadyExists.is_new());
    }
}
