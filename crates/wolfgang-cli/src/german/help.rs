//! The help, in German.

use super::texts::{ABOUT, ABOUT_LONG, AFTER, HEADINGS, TEXTS};
use clap::builder::StyledStr;
use clap::{Arg, Command};

const TEMPLATE: &str = "{about-with-newline}\nAufruf: {usage}\n\n{all-args}{after-help}";

/// The same command, whose help is in German. What clap says of mistakes stays in English.
pub(crate) fn translate(mut command: Command) -> Command {
    // Only now are there the options and commands that clap adds.
    command.build();
    translated(command)
}

fn translated(command: Command) -> Command {
    let name = command.get_name().to_owned();
    let names: Vec<_> = command
        .get_subcommands()
        .map(|c| c.get_name().to_owned())
        .collect();
    let command = names.iter().fold(command, |command, name| {
        // The help command mirrors all others, which would have no end.
        command.mut_subcommand(name, if name == "help" { about } else { translated })
    });
    let command = about(command).mut_args(|arg| argument(&name, arg));
    let after = command.get_after_help().map(StyledStr::to_string);
    let german = AFTER.iter().find(|(owner, _)| *owner == name);
    let command = match (german, after) {
        (Some((_, text)), _) => command.after_help(*text),
        (None, Some(examples)) => {
            command.after_help(examples.replacen("Examples:", "Beispiele:", 1))
        }
        (None, None) => command,
    };
    let command = command.subcommand_help_heading("Befehle");
    command.help_template(TEMPLATE)
}

fn about(command: Command) -> Command {
    let found = |table: &[(&str, &'static str)]| {
        let entry = table.iter().find(|(name, _)| *name == command.get_name());
        entry.map(|(_, text)| *text)
    };
    let (short, long) = (found(ABOUT), found(ABOUT_LONG));
    let command = match short {
        Some(text) => command.about(text),
        None => command,
    };
    match long {
        Some(text) => command.long_about(text),
        None => command,
    }
}

fn argument(command: &str, arg: Arg) -> Arg {
    let heading = arg.get_help_heading().unwrap_or_default();
    let german = HEADINGS.iter().find(|(english, _)| *english == heading);
    let heading = match german {
        Some((_, german)) => german,
        None if arg.is_positional() => "Argumente",
        None => "Optionen",
    };
    let text = text(command, arg.get_id().as_str());
    let arg = arg.help_heading(heading).hide_possible_values(true);
    match text {
        Some(text) => arg.help(text).long_help(text),
        None => arg,
    }
}

/// That of the command's own option, or of one that several commands have.
fn text(command: &str, id: &str) -> Option<&'static str> {
    let of = |wanted: &str| {
        let entry = TEXTS
            .iter()
            .find(|(owner, name, _)| *owner == wanted && *name == id);
        entry.map(|(_, _, text)| *text)
    };
    of(command).or_else(|| of(""))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::args::Cli;
    use clap::CommandFactory;

    fn visible(command: &Command) -> impl Iterator<Item = &Command> {
        command
            .get_subcommands()
            .filter(|c| !c.is_hide_set() && c.get_name() != "help")
    }

    #[test]
    fn everything_has_a_text() {
        let mut command = Cli::command();
        command.build();
        let mut missing = Vec::new();
        for one in std::iter::once(&command).chain(visible(&command)) {
            let name = one.get_name();
            if !ABOUT.iter().any(|(known, _)| *known == name) {
                missing.push(name.to_owned());
            }
            if one.get_long_about().is_some() && !ABOUT_LONG.iter().any(|(known, _)| *known == name)
            {
                missing.push(format!("{name} (long)"));
            }
            for arg in one.get_arguments().filter(|arg| !arg.is_hide_set()) {
                let id = arg.get_id().as_str();
                if text(name, id).is_none() {
                    missing.push(format!("{name} {id}"));
                }
                let heading = arg.get_help_heading().unwrap_or_default();
                if !heading.is_empty() && !HEADINGS.iter().any(|(english, _)| *english == heading) {
                    missing.push(format!("heading {heading}"));
                }
            }
        }
        assert_eq!(missing, [""; 0]);
    }

    #[test]
    fn no_text_is_left_over() {
        let mut command = Cli::command();
        command.build();
        let has =
            |command: &Command, id: &str| command.get_arguments().any(|arg| arg.get_id() == id);
        for (owner, id, _) in TEXTS {
            let mut commands = std::iter::once(&command).chain(visible(&command));
            let used =
                commands.any(|one| (owner.is_empty() || one.get_name() == *owner) && has(one, id));
            assert!(used, "{owner} {id}");
        }
    }

    #[test]
    fn the_help_is_german_all_through() {
        let mut command = translate(Cli::command());
        let mut helps = vec![command.render_long_help().to_string()];
        for one in command.get_subcommands_mut() {
            if one.get_name() != "help" && !one.is_hide_set() {
                helps.push(one.render_long_help().to_string());
            }
        }
        for help in helps {
            for english in [
                "Usage:",
                "Options:",
                "Arguments:",
                "Commands:",
                "Print ",
                " the ",
                "Possible",
            ] {
                assert!(!help.contains(english), "{english} in {help}");
            }
        }
    }
}
