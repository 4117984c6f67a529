//! Reading **attributes**, and the names in them.

use std::collections::HashSet;

use proc_macro2::Span;
use syn::{Attribute, Error, GenericArgument, LitStr, PathArguments, Result, Type};

/// Reads `name = "..."`.
pub fn string(meta: &syn::meta::ParseNestedMeta<'_>) -> Result<LitStr> {
    let text: LitStr = meta.value()?.parse()?;
    if text.value().is_empty() {
        return Err(Error::new(text.span(), "the name is empty"));
    }
    Ok(text)
}

/// The attributes named `name`.
pub fn named<'a>(attributes: &'a [Attribute], name: &'a str) -> impl Iterator<Item = &'a Attribute> {
    attributes.iter().filter(move |attribute| attribute.path().is_ident(name))
}

/// Refuses a name that is there twice.
#[derive(Default)]
pub struct Distinct(HashSet<String>);

impl Distinct {
    /// Adds a name; `what` is what it names.
    pub fn add(&mut self, what: &str, name: &str, span: Span) -> Result<()> {
        if self.0.insert(name.to_owned()) {
            return Ok(());
        }
        Err(Error::new(span, format!("{what} `{name}` is there twice")))
    }
}

/// Checks a table's or column's name as the host will.
pub fn check_sql_name(what: &str, name: &str, span: Span) -> Result<()> {
    let fits = name.len() <= 63
        && name.starts_with(|c: char| c.is_ascii_lowercase() || c == '_')
        && name.bytes().all(|b| b.is_ascii_lowercase() || b.is_ascii_digit() || b == b'_')
        && !name.starts_with("sqlite_")
        && !name.starts_with("projectionist_");
    if fits {
        return Ok(());
    }
    Err(Error::new(
        span,
        format!(
            "`{name}` is no {what} name: lower-case letters, digits and underscores, at most 63, starting with neither \
             a digit, `sqlite_` nor `projectionist_`"
        ),
    ))
}

/// A type without the parentheses and the invisible groups in which macros hand types on.
pub fn plain(kind: &Type) -> &Type {
    match kind {
        Type::Group(group) => plain(&group.elem),
        Type::Paren(paren) => plain(&paren.elem),
        other => other,
    }
}

/// The `T` of `wrapper<T>`.
pub fn inside<'a>(kind: &'a Type, wrapper: &str) -> Option<&'a Type> {
    let Type::Path(path) = plain(kind) else { return None };
    let last = path.path.segments.last()?;
    let PathArguments::AngleBracketed(arguments) = &last.arguments else { return None };
    match arguments.args.first()? {
        GenericArgument::Type(inner) if last.ident == wrapper => Some(inner),
        _ => None,
    }
}

/// Whether a type can only be meant as JSON: a `Vec` of anything but bytes, or a map.
pub fn is_json(kind: &Type) -> bool {
    let kind = inside(kind, "Option").unwrap_or(kind);
    let is_byte = |inner: &Type| matches!(plain(inner), Type::Path(path) if path.path.is_ident("u8"));
    inside(kind, "Vec").is_some_and(|inner| !is_byte(inner))
        || ["HashMap", "BTreeMap", "HashSet", "BTreeSet"].iter().any(|map| inside(kind, map).is_some())
}

/// How names are written in the events: `#[event(rename_all = "camelCase")]`.
#[derive(Clone, Copy)]
pub enum Case {
    /// As in Rust.
    Same,
    /// `likeThis`.
    Camel,
    /// `LikeThis`.
    Pascal,
    /// `like-this`.
    Kebab,
    /// `LIKE_THIS`.
    Screaming,
}

impl Case {
    pub fn parse(text: &LitStr) -> Result<Case> {
        Ok(match text.value().as_str() {
            "snake_case" => Case::Same,
            "camelCase" => Case::Camel,
            "PascalCase" => Case::Pascal,
            "kebab-case" => Case::Kebab,
            "SCREAMING_SNAKE_CASE" => Case::Screaming,
            _ => {
                return Err(Error::new(
                    text.span(),
                    "use one of snake_case, camelCase, PascalCase, kebab-case, SCREAMING_SNAKE_CASE",
                ));
            }
        })
    }

    pub fn apply(self, name: &str) -> String {
        let capital = |word: &str| {
            let mut letters = word.chars();
            letters.next().map_or(String::new(), |first| first.to_uppercase().chain(letters).collect())
        };
        match self {
            Case::Same => name.to_owned(),
            Case::Pascal => name.split('_').map(capital).collect(),
            Case::Camel => {
                let mut words = name.split('_').filter(|word| !word.is_empty());
                let first = words.next().unwrap_or_default().to_owned();
                words.map(capital).fold(first, |all, word| all + &word)
            }
            Case::Kebab => name.replace('_', "-"),
            Case::Screaming => name.to_uppercase(),
        }
    }
}
