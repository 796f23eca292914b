//! The end of the machine.

use std::io;

use rustix::system::RebootCommand;

/// What happens to the machine.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Power {
    /// Starts again through the firmware.
    Restart,
    /// Goes off.
    Off,
    /// Stops, powered.
    Halt,
}

/// Ends the machine at once. What is not synced is lost.
///
/// # Errors
/// Without CAP_SYS_BOOT. On success it does not return for PID 1 of a machine; in a container
/// the whole container ends.
pub fn end(power: Power) -> io::Result<()> {
    let command = match power {
        Power::Restart => RebootCommand::Restart,
        Power::Off => RebootCommand::PowerOff,
        Power::Halt => RebootCommand::Halt,
    };
    Ok(rustix::system::reboot(command)?)
}

/// Whether Ctrl-Alt-Del restarts at once (`true`) or sends SIGINT to PID 1.
///
/// # Errors
/// Without CAP_SYS_BOOT.
pub fn restart_at_ctrl_alt_del(at_once: bool) -> io::Result<()> {
    let command = match at_once {
        true => RebootCommand::CadOn,
        false => RebootCommand::CadOff,
    };
    Ok(rustix::system::reboot(command)?)
}

/// Writes everything to the disks.
pub fn sync() {
    rustix::fs::sync();
}
