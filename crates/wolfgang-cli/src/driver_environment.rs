//! An environment variable that graphics drivers expect.

use crate::{environment, standard_streams};
use std::os::unix::process::CommandExt;
use std::process::Command;

/// The folder of the sockets of a desktop session.
const VARIABLE: &str = "XDG_RUNTIME_DIR";

/// A folder without sockets. It does not have to exist.
const NOWHERE: &str = "/nonexistent";

/// Restarts the program with the variable set if it is not set.
///
/// Without a desktop session the variable is not set. Mesa's Vulkan layer then looks for a Wayland
/// display, and Wayland's library prints an error each time devices are listed. A path that does
/// not exist is not an error. A process with threads must not change its own environment, so the
/// program replaces itself by `exec`.
pub(crate) fn prepare() {
    if environment::path(VARIABLE).is_some_and(|path| path.is_absolute()) {
        return;
    }
    let mut arguments = std::env::args_os();
    let (Some(name), Ok(program)) = (arguments.next(), std::env::current_exe()) else {
        return;
    };
    standard_streams::close_again_on_exec();
    // If this fails, the only consequence is the message of Wayland's library.
    let _ = Command::new(program)
        .arg0(name)
        .args(arguments)
        .env(VARIABLE, NOWHERE)
        .exec();
}
