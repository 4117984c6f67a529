//! Reads a configuration, and says of each mistake where it stands: file, line, column, key.

use std::collections::BTreeMap;

use serde::Deserialize;
use toml::Spanned;
use toml::de::{DeTable, DeValue};

use super::ProjectionConfig;
use super::config::{Config, RANGES};
use crate::event::{Fault, Result, check_projection_name};
use crate::plugin::Limits;

/// Parses and validates the text of the file called `file`.
pub(super) fn parse(file: &str, text: &str) -> Result<(Config, BTreeMap<String, ProjectionConfig>)> {
    let source = Source { file, text };
    let config: Config = toml::from_str(text).map_err(|error| source.refused(&error))?;
    let written = DeTable::parse(text).map_err(|error| source.refused(&error))?;
    let values: toml::Table = toml::from_str(text).map_err(|error| source.refused(&error))?;

    for (key, range) in RANGES {
        let path: Vec<&str> = key.split('.').collect();
        source.within(&written, &path, range)?;
        if path[0] == "limits" {
            for name in config.projections.keys() {
                source.within(&written, &[&["projections", name], &path[..]].concat(), range)?;
            }
        }
    }
    let paths = [
        (["plugins"].as_slice(), &config.plugins),
        (&["data"], &config.data),
        (&["store"], &config.store),
        (&["history", "folder"], &config.history.folder),
    ];
    for (key, path) in paths {
        if path.as_os_str().is_empty() {
            return Err(source.at(find(written.get_ref(), key), format!("`{}` is empty", key.join("."))));
        }
    }

    let mut projections = BTreeMap::new();
    for (name, own) in &config.projections {
        if let Err(fault) = check_projection_name(name) {
            let place = find(written.get_ref(), &["projections", name]);
            let hint = fault.hint.clone().unwrap_or_default();
            return Err(source.at(place, fault.message.clone()).hint(hint));
        }
        let settings = match serde_json::to_value(&own.settings) {
            Ok(serde_json::Value::Object(settings)) => settings,
            _ => unreachable!("a TOML table is a JSON object"),
        };
        let total = ["projections", name, "limits", "memory-mib-total"];
        if let Some(span) = find(written.get_ref(), &total) {
            let message = "`memory-mib-total` is for all plugins together, and no limit of one projection".to_owned();
            return Err(source.at(Some(span), message).hint("write it under `[limits]`"));
        }
        let own_limits = values["projections"][name].get("limits").and_then(toml::Value::as_table);
        let limits = own_limits.map(|own| laid_over(&config.limits, own)).transpose()?;
        projections.insert(name.clone(), ProjectionConfig { settings, limits });
    }
    Ok((config, projections))
}

/// The project's limits with a projection's own laid over them, key by key.
fn laid_over(project: &Limits, own: &toml::Table) -> Result<Limits> {
    let doing = "laying limits over one another";
    let mut merged = toml::Table::try_from(project).map_err(|error| Fault::storage(doing, error.to_string()))?;
    merged.extend(own.clone());
    Limits::deserialize(merged).map_err(|error| Fault::storage(doing, error.to_string()))
}

struct Source<'a> {
    file: &'a str,
    text: &'a str,
}

type Span = std::ops::Range<usize>;

impl Source<'_> {
    /// Faults when a number is written at `path` and lies outside `range`.
    fn within(
        &self,
        written: &Spanned<DeTable<'_>>,
        path: &[&str],
        range: &std::ops::RangeInclusive<u64>,
    ) -> Result<()> {
        let Some((span, DeValue::Integer(number))) = lookup(written.get_ref(), path) else { return Ok(()) };
        let number = i128::from_str_radix(number.as_str(), number.radix()).unwrap_or(i128::MAX);
        if (i128::from(*range.start())..=i128::from(*range.end())).contains(&number) {
            return Ok(());
        }
        let message = format!("`{}` is {number}, outside {} to {}", path.join("."), range.start(), range.end());
        Err(self.at(Some(span), message))
    }

    /// A fault about what stands at `span`.
    fn at(&self, span: Option<Span>, message: String) -> Fault {
        let Some(span) = span else { return Fault::input(format!("{}: {message}", self.file)) };
        let before = &self.text[..span.start.min(self.text.len())];
        let line = before.matches('\n').count() + 1;
        let column = before.rsplit('\n').next().unwrap_or("").chars().count() + 1;
        Fault::input(format!("{}:{line}:{column}: {message}", self.file))
    }

    /// What the TOML reader said, with its place, and the nearest known key where one was not known.
    fn refused(&self, error: &toml::de::Error) -> Fault {
        let message = error.message().lines().collect::<Vec<_>>().join("; ");
        let Some((unknown, known)) = unknown_key(&message) else {
            return self.at(error.span(), self.with_key(error.span(), &message));
        };
        let fault = self.at(error.span(), format!("unknown key `{unknown}`"));
        let nearest = known.iter().max_by(|a, b| closeness(unknown, a).total_cmp(&closeness(unknown, b)));
        match nearest {
            Some(key) if closeness(unknown, key) > 0.7 => fault.hint(format!("did you mean `{key}`?")),
            _ => fault.hint(format!("known here: {}", known.join(", "))),
        }
    }

    /// Names the key on the line of a value that does not fit.
    fn with_key(&self, span: Option<Span>, message: &str) -> String {
        let line = span.and_then(|span| self.text[..span.start.min(self.text.len())].rsplit('\n').next());
        match line.and_then(|line| line.split_once('=')) {
            Some((key, _)) => format!("`{}`: {message}", key.trim()),
            None => message.to_owned(),
        }
    }
}

fn closeness(a: &str, b: &str) -> f64 {
    strsim::jaro_winkler(a, b)
}

/// Takes serde's sentence apart: ``unknown field `x`, expected one of `a`, `b` ``.
fn unknown_key(message: &str) -> Option<(&str, Vec<&str>)> {
    let mut quoted = message.strip_prefix("unknown field `")?.split('`').step_by(2);
    Some((quoted.next()?, quoted.filter(|key| !key.is_empty()).collect()))
}

fn find(table: &DeTable<'_>, path: &[&str]) -> Option<Span> {
    lookup(table, path).map(|(span, _)| span)
}

fn lookup<'a>(table: &'a DeTable<'a>, path: &[&str]) -> Option<(Span, &'a DeValue<'a>)> {
    let (first, rest) = path.split_first()?;
    let (_, value) = table.iter().find(|(key, _)| key.get_ref().as_ref() == *first)?;
    match (rest, value.get_ref()) {
        ([], found) => Some((value.span(), found)),
        (_, DeValue::Table(inner)) => lookup(inner, rest),
        _ => None,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn fault(text: &str) -> Fault {
        parse("p.toml", text).expect_err("the text is not valid")
    }

    #[test]
    fn the_documented_file_is_the_defaults() {
        let (config, projections) = parse("p.toml", super::super::DEFAULT_CONFIG).unwrap();
        assert_eq!(config, Config::default());
        assert!(projections.is_empty());
    }

    #[test]
    fn every_key_is_documented_and_every_number_has_a_range() {
        // What is optional is filled in, so that serialising shows every key there is.
        let limits = Limits { call_fuel_max: Some(1), memory_mib_total: Some(512), ..Limits::default() };
        let table = toml::Table::try_from(Config { limits, ..Config::default() }).unwrap();
        let mut numbers = Vec::new();
        for (key, value) in &table {
            match value {
                toml::Value::Table(inner) => {
                    let heading = format!("[{key}");
                    assert!(super::super::DEFAULT_CONFIG.contains(&heading), "{heading} is not documented");
                    numbers.extend(inner.iter().map(|(name, value)| (format!("{key}.{name}"), name, value)));
                }
                _ => numbers.push((key.clone(), key, value)),
            }
        }
        assert!(numbers.len() > 10);
        for (path, name, value) in numbers {
            let documented = super::super::DEFAULT_CONFIG
                .lines()
                .any(|line| line.trim_start_matches("# ").starts_with(&format!("{name} = ")));
            assert!(documented, "{path} is not documented");
            if value.is_integer() {
                let (_, range) = RANGES.iter().find(|(key, _)| *key == path).expect("a range for each number");
                let said = format!("{} to {}", range.start(), range.end());
                assert!(
                    name == "call-fuel-max" || super::super::DEFAULT_CONFIG.contains(&said),
                    "the range of {path} ({said}) is not documented"
                );
            }
        }
    }

    #[test]
    fn an_unknown_key_is_refused_with_its_place_and_the_nearest_known_one() {
        let fault = fault("plugins = \"p\"\n\n[limits]\n  memory-mb-max = 3\n");
        assert_eq!(fault.message, "p.toml:4:3: unknown key `memory-mb-max`");
        assert_eq!(fault.hint.as_deref(), Some("did you mean `memory-mib-max`?"));
    }

    #[test]
    fn a_number_out_of_range_is_refused_with_its_place() {
        assert_eq!(fault("batch-events = 0").message, "p.toml:1:16: `batch-events` is 0, outside 1 to 1000000");
        let own = fault("[projections.a.limits]\ncall-ms-max = 0");
        let total = fault("[limits]\nmemory-mib-total = 63");
        assert_eq!(total.message, "p.toml:2:20: `limits.memory-mib-total` is 63, outside 64 to 1048576");
        let total = fault("[projections.a.limits]\nmemory-mib-total = 512");
        assert!(total.message.starts_with("p.toml:2:20: `memory-mib-total` is for all plugins together"), "{total}");
        assert_eq!(own.message, "p.toml:2:15: `projections.a.limits.call-ms-max` is 0, outside 1 to 3600000");
    }

    #[test]
    fn a_value_of_another_kind_is_refused_with_its_key() {
        let fault = fault("keep-generations = \"two\"");
        assert!(fault.message.starts_with("p.toml:1:20: `keep-generations`: invalid type: string"), "{fault}");
    }

    #[test]
    fn what_is_no_toml_is_refused_with_its_place() {
        assert!(fault("plugins = \n").message.starts_with("p.toml:1:11: "), "{}", fault("plugins = \n"));
    }

    #[test]
    fn a_projection_name_that_cannot_be_is_refused() {
        let fault = fault("[projections.Bad_Name.settings]\na = 1");
        assert!(fault.message.contains("`Bad_Name` is no projection name"), "{fault}");
    }

    #[test]
    fn history_can_be_turned_off_and_moved() {
        let (config, _) = parse("p.toml", "[history]\nenabled = false\nfolder = \"../columns\"\n").unwrap();
        assert!(!config.history.enabled);
        assert_eq!(config.history.folder, std::path::Path::new("../columns"));
        let (config, _) = parse("p.toml", "").unwrap();
        assert!(config.history.enabled);
        assert_eq!(fault("[history]\nfolder = \"\"").message, "p.toml:2:10: `history.folder` is empty");
        assert_eq!(fault("[history]\nenable = true").hint.as_deref(), Some("did you mean `enabled`?"));
        assert!(fault("[history]\nenabled = 1").message.starts_with("p.toml:2:11: `enabled`: invalid type"));
    }

    #[test]
    fn limits_of_a_projection_replace_key_by_key() {
        let text = "[limits]\ncall-ms-max = 5\nmemory-mib-max = 7\n[projections.a.limits]\nmemory-mib-max = 9\n\
                    [projections.b.settings]\nz = 1\na = [true]\n";
        let (_, projections) = parse("p.toml", text).unwrap();
        let limits = projections["a"].limits.clone().unwrap();
        assert_eq!((limits.call_ms_max, limits.memory_mib_max), (5, 9));
        assert_eq!(projections["b"].limits, None);
        assert_eq!(serde_json::to_string(&projections["b"].settings).unwrap(), r#"{"a":[true],"z":1}"#);
    }
}
