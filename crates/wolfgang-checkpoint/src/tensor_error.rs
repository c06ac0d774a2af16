//! Differences between the tensors of a file and those of the model.

use std::fmt;

/// A difference between the tensors of a file and those of the model that its configuration
/// describes.
#[derive(Clone, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub enum TensorError {
    /// The file lacks a tensor of the model.
    Missing {
        /// The tensor.
        name: String,
        /// An unexpected tensor with a similar name.
        nearest: Option<String>,
    },
    /// The file has a tensor that is not part of the model.
    Unexpected {
        /// The tensor.
        name: String,
        /// A missing tensor with a similar name.
        nearest: Option<String>,
    },
    /// A tensor has the wrong shape.
    Shape {
        /// The tensor.
        name: String,
        /// The shape in the file.
        found: Vec<usize>,
        /// The shape in the model.
        expected: Vec<usize>,
    },
    /// A tensor has an unsupported element type.
    Type {
        /// The tensor.
        name: String,
        /// The element type in the file.
        found: String,
        /// The supported types.
        expected: &'static str,
    },
    /// An int8 matrix lacks the scales of its rows.
    NoScales {
        /// The matrix.
        name: String,
        /// Name of the missing scales.
        scales: String,
    },
    /// The file has scales without an int8 matrix.
    StrayScales {
        /// The scales.
        name: String,
        /// The tensor that the scales belong to, by their name.
        of: String,
        /// The element type of that tensor, if the file has it.
        found: Option<String>,
    },
}

impl fmt::Display for TensorError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Missing { name, nearest } => {
                write!(f, "{name} is missing")?;
                match nearest {
                    Some(nearest) => write!(f, " (possibly named {nearest})"),
                    None => Ok(()),
                }
            }
            Self::Unexpected { name, nearest } => {
                write!(f, "{name} is unexpected")?;
                match nearest {
                    Some(nearest) => write!(f, " (did you mean {nearest}?)"),
                    None => Ok(()),
                }
            }
            Self::Shape {
                name,
                found,
                expected,
            } => {
                write!(f, "{name} has shape {found:?}, expected {expected:?}")
            }
            Self::Type {
                name,
                found,
                expected,
            } => write!(f, "{name} has type {found}, expected {expected}"),
            Self::NoScales { name, scales } => {
                write!(f, "{name} has type i8, but its scales {scales} are missing")
            }
            Self::StrayScales { name, of, found } => {
                write!(f, "{name} is unexpected: {of} ")?;
                match found {
                    Some(found) => write!(f, "has type {found}, expected i8"),
                    None => f.write_str("is missing"),
                }
            }
        }
    }
}

/// All differences between the tensors of a file and those of the model.
///
/// `Display` prints the first eight and the number of the others; tensors of the same wrong type
/// are counted as one.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct TensorErrors(pub Vec<TensorError>);

impl TensorErrors {
    /// Groups problems with the same wrong type. Returns the first of each group and its size.
    fn grouped(&self) -> Vec<(&TensorError, usize)> {
        let mut groups: Vec<(&TensorError, usize)> = Vec::new();
        for problem in &self.0 {
            let is_type = matches!(problem, TensorError::Type { .. });
            let mut earlier = groups.iter_mut().filter(|_| is_type);
            let same = earlier.find(|(first, _)| first.has_same_type_problem(problem));
            match same {
                Some((_, n)) => *n += 1,
                None => groups.push((problem, 1)),
            }
        }
        groups
    }
}

impl TensorError {
    /// Whether both tensors have the same wrong type.
    fn has_same_type_problem(&self, other: &Self) -> bool {
        match (self, other) {
            (
                Self::Type {
                    found, expected, ..
                },
                Self::Type {
                    found: other_found,
                    expected: other_expected,
                    ..
                },
            ) => found == other_found && expected == other_expected,
            _ => false,
        }
    }
}

impl fmt::Display for TensorErrors {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        const SHOWN: usize = 8;
        let groups = self.grouped();
        for (i, (problem, n)) in groups.iter().take(SHOWN).enumerate() {
            f.write_str(if i == 0 { "" } else { "; " })?;
            match problem {
                TensorError::Type {
                    name,
                    found,
                    expected,
                } if *n > 1 => write!(
                    f,
                    "{n} tensors have type {found}, expected {expected}, for example {name}"
                )?,
                problem => write!(f, "{problem}")?,
            }
        }
        match groups.iter().skip(SHOWN).map(|(_, n)| n).sum::<usize>() {
            0 => Ok(()),
            more => write!(f, "; and {more} more"),
        }
    }
}
