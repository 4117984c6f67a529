//! A **diagnostic** of the compiler in short: what, where, and the line of source that it is about.

use std::fmt::Write;

use serde::{Deserialize, Serialize};

/// What the compiler said about one place.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct Diagnostic {
    /// Whether it keeps the crate from compiling.
    pub is_error: bool,
    /// The error's number: `E0308`.
    pub code: Option<String>,
    /// What is wrong.
    pub message: String,
    /// Where, when it has a place.
    pub place: Option<Place>,
    /// What the compiler suggests.
    pub help: Option<String>,
}

/// A place in the sources.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct Place {
    /// The file, as the compiler names it: relative to the crate's workspace.
    pub file: String,
    /// The line, from 1.
    pub line: usize,
    /// The column, from 1.
    pub column: usize,
    /// The line's text.
    pub text: String,
    /// How many characters it is about.
    pub width: usize,
    /// What is said about these characters.
    pub label: Option<String>,
}

#[derive(Debug, Deserialize)]
pub(super) struct CompilerMessage {
    message: String,
    level: String,
    code: Option<Code>,
    #[serde(default)]
    spans: Vec<Span>,
    #[serde(default)]
    children: Vec<CompilerMessage>,
}

#[derive(Debug, Deserialize)]
struct Code {
    code: String,
}

#[derive(Debug, Deserialize)]
struct Span {
    file_name: String,
    line_start: usize,
    column_start: usize,
    line_end: usize,
    column_end: usize,
    is_primary: bool,
    label: Option<String>,
    #[serde(default)]
    text: Vec<SpanText>,
    expansion: Option<Box<Expansion>>,
}

#[derive(Debug, Deserialize)]
struct SpanText {
    text: String,
}

#[derive(Debug, Deserialize)]
struct Expansion {
    span: Span,
}

impl CompilerMessage {
    /// None for what only sums up others.
    pub(super) fn into_diagnostic(self) -> Option<Diagnostic> {
        let is_error = self.level.starts_with("error");
        if !(is_error || self.level == "warning") {
            return None;
        }
        let sums_up =
            self.spans.is_empty() && (self.message.starts_with("aborting due to") || self.message.ends_with("emitted"));
        if sums_up {
            return None;
        }
        Some(Diagnostic {
            is_error,
            code: self.code.map(|code| code.code),
            message: self.message,
            place: self.spans.into_iter().find(|span| span.is_primary).map(Span::into_place),
            help: self.children.into_iter().find(|child| child.level == "help").map(|child| child.message),
        })
    }
}

impl Span {
    /// Where a macro was called, when the place lies in what it made.
    fn into_place(self) -> Place {
        let label = self.label.clone();
        let mut span = self;
        while let Some(expansion) = span.expansion.take() {
            span = expansion.span;
        }
        let width = match span.line_start == span.line_end {
            true => span.column_end.saturating_sub(span.column_start),
            false => 0,
        };
        Place {
            file: span.file_name,
            line: span.line_start,
            column: span.column_start,
            text: span.text.into_iter().next().map(|text| text.text).unwrap_or_default(),
            width: width.max(1),
            label,
        }
    }
}

impl Diagnostic {
    /// Its lines: the place and the message, the line of source, a mark under it with what is said there, and help.
    ///
    /// ```text
    /// src/lib.rs:37:24 error[E0308]: mismatched types
    ///    37 | row.entries += "x";
    ///       |                ^^^ expected `u64`, found `&str`
    /// ```
    pub fn lines(&self) -> Vec<String> {
        let code = self.code.as_ref().filter(|code| code.starts_with('E')).map(|code| format!("[{code}]"));
        let kind = if self.is_error { "error" } else { "warning" };
        let said = format!("{kind}{}: {}", code.unwrap_or_default(), self.message.lines().next().unwrap_or_default());
        let Some(place) = &self.place else { return vec![said] };
        let mut lines = vec![format!("{}:{}:{} {said}", place.file, place.line, place.column)];
        if !place.text.trim().is_empty() {
            let indent = place.text.chars().take_while(|letter| letter.is_whitespace()).count();
            lines.push(format!("  {:4} | {}", place.line, place.text.trim()));
            let mut mark = " ".repeat((place.column - 1).saturating_sub(indent));
            let room = place.text.trim_end().chars().count().saturating_sub(place.column - 1).max(1);
            mark.push_str(&"^".repeat(place.width.min(room)));
            if let Some(label) = &place.label {
                let _ = write!(mark, " {}", label.lines().next().unwrap_or_default());
            }
            lines.push(format!("       | {mark}"));
        }
        if let Some(help) = &self.help {
            lines.push(format!("       = help: {}", help.lines().next().unwrap_or_default()));
        }
        lines
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const MISMATCH: &str = r#"{"message":"mismatched types","level":"error","code":{"code":"E0308"},"spans":[
        {"file_name":"src/lib.rs","line_start":37,"line_end":37,"column_start":24,"column_end":27,"is_primary":true,
         "label":"expected `u64`, found `&str`","text":[{"text":"        row.entries += \"x\";"}],"expansion":null}],
        "children":[{"message":"try it so","level":"help","code":null}]}"#;

    fn read(text: &str) -> Option<Diagnostic> {
        serde_json::from_str::<CompilerMessage>(text).unwrap().into_diagnostic()
    }

    #[test]
    fn an_error_is_shown_in_short() {
        assert_eq!(
            read(MISMATCH).unwrap().lines(),
            [
                "src/lib.rs:37:24 error[E0308]: mismatched types",
                "    37 | row.entries += \"x\";",
                "       |                ^^^ expected `u64`, found `&str`",
                "       = help: try it so",
            ]
        );
    }

    #[test]
    fn what_only_sums_up_is_left_out() {
        let summary = r#"{"message":"aborting due to 1 previous error","level":"error","code":null}"#;
        assert_eq!(read(summary), None);
        let note = r#"{"message":"For more information about this error","level":"failure-note","code":null}"#;
        assert_eq!(read(note), None);
    }

    #[test]
    fn an_error_in_a_macro_is_shown_where_it_was_called() {
        let text = r#"{"message":"no","level":"error","code":null,"spans":[
            {"file_name":"/sdk/macros.rs","line_start":3,"line_end":3,"column_start":1,"column_end":4,"is_primary":true,
             "label":"here","text":[],"expansion":{"span":
                {"file_name":"src/lib.rs","line_start":9,"line_end":9,"column_start":1,"column_end":8,"is_primary":false,
                 "label":null,"text":[{"text":"export!(A);"}],"expansion":null}}}]}"#;
        let place = read(text).unwrap().place.unwrap();
        assert_eq!((place.file.as_str(), place.line, place.label.as_deref()), ("src/lib.rs", 9, Some("here")));
    }
}
