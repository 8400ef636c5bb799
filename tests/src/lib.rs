//! Empty: the tests of the complete pipeline are in `it/`.
