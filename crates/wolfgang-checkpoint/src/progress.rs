//! How far a long operation is.

/// Is told how far an operation is that may take more than a moment. `()` does not listen.
pub trait Progress {
    /// `what` begins, and will go through `bytes`.
    fn begin(&mut self, what: &str, bytes: u64);
    /// So many more bytes are through.
    fn advance(&mut self, bytes: u64);
    /// All is through. Not called when it fails.
    fn end(&mut self);
}

impl Progress for () {
    fn begin(&mut self, _what: &str, _bytes: u64) {}
    fn advance(&mut self, _bytes: u64) {}
    fn end(&mut self) {}
}
