//! Numbering and navigation functions, which need an OVER clause.
//!
//! Semantics: GoogleSQL reference, "Numbering functions" and "Navigation functions".

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum WindowFunction {
    RowNumber,
    Rank,
    DenseRank,
    PercentRank,
    CumeDist,
    Ntile,
    Lag,
    Lead,
    FirstValue,
    LastValue,
    NthValue,
    PercentileCont,
    PercentileDisc,
}

/// The functions with their names.
pub(crate) const WINDOW_FUNCTIONS: [(&str, WindowFunction); 13] = [
    ("ROW_NUMBER", WindowFunction::RowNumber),
    ("RANK", WindowFunction::Rank),
    ("DENSE_RANK", WindowFunction::DenseRank),
    ("PERCENT_RANK", WindowFunction::PercentRank),
    ("CUME_DIST", WindowFunction::CumeDist),
    ("NTILE", WindowFunction::Ntile),
    ("LAG", WindowFunction::Lag),
    ("LEAD", WindowFunction::Lead),
    ("FIRST_VALUE", WindowFunction::FirstValue),
    ("LAST_VALUE", WindowFunction::LastValue),
    ("NTH_VALUE", WindowFunction::NthValue),
    ("PERCENTILE_CONT", WindowFunction::PercentileCont),
    ("PERCENTILE_DISC", WindowFunction::PercentileDisc),
];

/// A function by its name in upper case.
pub(crate) fn find(name: &str) -> Option<WindowFunction> {
    WINDOW_FUNCTIONS.iter().find(|(it, _)| *it == name).map(|(_, it)| *it)
}

impl WindowFunction {
    /// Whether the function looks at a frame of rows.
    pub(crate) fn has_frame(self) -> bool {
        matches!(self, Self::FirstValue | Self::LastValue | Self::NthValue)
    }

    /// Whether the window must have an order.
    pub(crate) fn needs_order(self) -> bool {
        matches!(
            self,
            Self::Rank
                | Self::DenseRank
                | Self::PercentRank
                | Self::CumeDist
                | Self::Ntile
                | Self::Lag
                | Self::Lead
                | Self::FirstValue
                | Self::LastValue
                | Self::NthValue
        )
    }
}
