//! **Documented** commands are real ones: what the pages and the help show can be typed as it stands.

use std::collections::BTreeSet;

use clap::{CommandFactory, Parser};

use super::Cli;

const README: &str = include_str!("../../../README.md");
const SAMPLES: &str = include_str!("../../../sample-events/README.md");

#[test]
fn what_the_pages_show_can_be_typed() {
    for (page, text, least) in [("README.md", README, 6), ("sample-events/README.md", SAMPLES, 4)] {
        let fenced: Vec<&str> = text.split("```").skip(1).step_by(2).flat_map(str::lines).collect();
        let typed = type_all(page, fenced.into_iter());
        assert!(typed >= least, "{page} shows {typed} commands");
    }
}

#[test]
fn what_the_help_shows_can_be_typed() {
    let mut commands = vec![Cli::command()];
    let mut typed = 0;
    while let Some(command) = commands.pop() {
        let help = command.get_after_help().map(ToString::to_string).unwrap_or_default();
        typed += type_all(command.get_name(), help.lines().filter(|line| line.starts_with("  ")));
        commands.extend(command.get_subcommands().cloned());
    }
    assert!(typed > 30, "the help shows {typed} commands");
}

#[test]
fn the_table_of_commands_has_each_once() {
    let table = README.split("| command |").nth(1).unwrap().split("\n\n").next().unwrap();
    let mut listed = BTreeSet::new();
    for row in table.lines().skip(2) {
        let commands = row.split('|').nth(1).unwrap().split('`').skip(1).step_by(2);
        for command in commands {
            let words = command.split(' ').take_while(|word| word.chars().all(|letter| letter.is_ascii_lowercase()));
            let name = words.collect::<Vec<_>>().join(" ");
            assert!(listed.insert(name.clone()), "`{name}` stands there twice");
        }
    }
    let mut real = BTreeSet::new();
    for command in Cli::command().get_subcommands() {
        let name = command.get_name().to_owned();
        match command.has_subcommands() {
            true => real.extend(command.get_subcommands().map(|inner| format!("{name} {}", inner.get_name()))),
            false => _ = real.insert(name),
        }
    }
    assert_eq!(listed, real);
}

/// Parses each command of ours in these lines of shell; gives their number.
fn type_all<'a>(page: &str, lines: impl Iterator<Item = &'a str>) -> usize {
    let mut typed = 0;
    for line in lines {
        for command in commands(line).into_iter().filter(|words| words.first().is_some_and(|it| it == "projectionist"))
        {
            if let Err(error) = Cli::try_parse_from(&command) {
                panic!("{page} shows {line:?}, which cannot be typed: {error}");
            }
            typed += 1;
        }
    }
    typed
}

/// The commands of a line of shell as words: enough of its grammar for what the pages show. A comment begins with
/// `#`, or with two blanks; what goes into and out of files is left out.
fn commands(line: &str) -> Vec<Vec<String>> {
    let (mut commands, mut words, mut word) = (Vec::new(), Vec::new(), None::<String>);
    let mut quote = None;
    let mut letters = line.trim().chars().peekable();
    while let Some(letter) = letters.next() {
        match (quote, letter) {
            (Some(open), _) if letter == open => quote = None,
            (None, '\'' | '"') => {
                quote = Some(letter);
                word.get_or_insert_default();
            }
            (None, '#') if word.is_none() => break,
            (None, ' ' | '|' | '&' | '<' | '>') => {
                words.extend(word.take());
                if matches!(letter, '<' | '>') || (letter == ' ' && letters.peek() == Some(&' ')) {
                    break;
                }
                if letter != ' ' {
                    commands.push(std::mem::take(&mut words));
                }
            }
            _ => word.get_or_insert_default().push(letter),
        }
    }
    words.extend(word);
    commands.push(words);
    commands
}

#[test]
fn shell_is_read_as_far_as_it_is_shown() {
    let words = |line| commands(line).into_iter().filter(|words| !words.is_empty()).collect::<Vec<_>>();
    assert_eq!(
        words("cd a && b --c '{\"d\": 1}'  | e \"f g\" > h # i"),
        [vec!["cd", "a"], vec!["b", "--c", "{\"d\": 1}"],]
    );
    assert_eq!(words("a '' \"f g\" | b > h"), [vec!["a", "", "f g"], vec!["b"]]);
    assert_eq!(words("a b # c"), [["a", "b"]]);
}
