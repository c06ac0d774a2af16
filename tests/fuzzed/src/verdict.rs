/// The result of a target for an input.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Verdict {
    /// It was read to the end, and every rule held.
    Accepted,
    /// It was an error.
    Refused,
}
