//! Tests of the whole pipeline against the original, of the command, and of the README.
