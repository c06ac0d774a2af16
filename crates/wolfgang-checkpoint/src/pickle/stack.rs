//! The stack of the machine.

use super::error::{PickleError, Result};
use super::limits::MAX_VALUES;
use super::value::Id;

#[derive(Default)]
pub(super) struct Stack {
    ids: Vec<Id>,
    /// Heights of the stack at each MARK.
    marks: Vec<usize>,
}

impl Stack {
    pub(super) fn push(&mut self, id: Id) -> Result {
        if self.ids.len() > MAX_VALUES {
            return Err(PickleError::TooLarge);
        }
        self.ids.push(id);
        Ok(())
    }

    pub(super) fn top(&self) -> Result<Id> {
        self.ids.last().copied().ok_or(PickleError::Malformed)
    }

    pub(super) fn pop(&mut self) -> Result<Id> {
        self.ids.pop().ok_or(PickleError::Malformed)
    }

    pub(super) fn pop_n<const N: usize>(&mut self) -> Result<[Id; N]> {
        let (rest, popped) = self.ids.split_last_chunk().ok_or(PickleError::Malformed)?;
        let (height, popped) = (rest.len(), *popped);
        self.ids.truncate(height);
        Ok(popped)
    }

    pub(super) fn pop_vec(&mut self, n: usize) -> Result<Vec<Id>> {
        let height = self.ids.len().checked_sub(n);
        Ok(self.ids.split_off(height.ok_or(PickleError::Malformed)?))
    }

    pub(super) fn mark(&mut self) -> Result {
        if self.marks.len() > MAX_VALUES {
            return Err(PickleError::TooLarge);
        }
        self.marks.push(self.ids.len());
        Ok(())
    }

    pub(super) fn pop_to_mark(&mut self) -> Result<Vec<Id>> {
        let height = self.marks.pop().ok_or(PickleError::Malformed)?;
        if height > self.ids.len() {
            return Err(PickleError::Malformed);
        }
        Ok(self.ids.split_off(height))
    }
}
