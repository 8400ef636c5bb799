//! Whole-pipeline tests live in `it/`.
