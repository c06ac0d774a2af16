//! What graphics drivers expect of the environment.

use crate::{environment, standard_streams};
use std::os::unix::process::CommandExt;
use std::process::Command;

/// The folder of sockets of a desktop.
const VARIABLE: &str = "XDG_RUNTIME_DIR";

/// Where no desktop has its sockets; the folder need not be there.
const NOWHERE: &str = "/nonexistent";

/// Without a desktop the variable is not set, and Mesa's Vulkan layer, which looks for a Wayland display to choose a
/// device by, has Wayland's library write an error of that to standard error each time devices are listed. A path at which
/// there is nothing is no error. A process must not change its own environment once it may have threads, so the program
/// starts anew in its place.
pub(crate) fn prepare() {
    if environment::path(VARIABLE).is_some_and(|path| path.is_absolute()) {
        return;
    }
    let mut arguments = std::env::args_os();
    let (Some(name), Ok(program)) = (arguments.next(), std::env::current_exe()) else {
        return;
    };
    standard_streams::close_again_on_exec();
    // If it fails, the messages are all that is wrong.
    let _ = Command::new(program)
        .arg0(name)
        .args(arguments)
        .env(VARIABLE, NOWHERE)
        .exec();
}
