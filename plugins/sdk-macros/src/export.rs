//! `export!`: a projection's name and wishes, and in Wasm its exports.

use proc_macro2::TokenStream;
use quote::quote;
use syn::parse::{Parse, ParseStream};
use syn::punctuated::Punctuated;
use syn::{Error, Ident, LitInt, LitStr, Path, Result, Token, bracketed, parenthesized};

/// `Balances, name = "balances", version = 1, ...`.
pub struct Export {
    projection: Path,
    name: LitStr,
    version: LitInt,
    description: Option<LitStr>,
    envelope: Vec<Ident>,
    metadata: Vec<LitStr>,
    streams: Option<LitStr>,
    partition: Partition,
}

enum Partition {
    Whole,
    ByStream,
    ByField(LitStr),
}

const PARTS: [(&str, &str); 7] = [
    ("position", "POSITION"),
    ("stream", "STREAM"),
    ("stream_version", "STREAM_VERSION"),
    ("time", "TIME"),
    ("id", "ID"),
    ("type_name", "TYPE_NAME"),
    ("metadata", "METADATA"),
];

impl Parse for Export {
    fn parse(input: ParseStream<'_>) -> Result<Self> {
        let projection: Path = input.parse()?;
        let (mut name, mut version, mut description, mut streams) = (None, None, None, None);
        let (mut envelope, mut metadata, mut partition) = (None, Vec::new(), Partition::Whole);
        let mut seen = crate::attributes::Distinct::default();
        while !input.is_empty() {
            input.parse::<Token![,]>()?;
            if input.is_empty() {
                break;
            }
            let word: Ident = input.parse()?;
            seen.add("the word", &word.to_string(), word.span())?;
            input.parse::<Token![=]>()?;
            match word.to_string().as_str() {
                "name" => name = Some(projection_name(input.parse()?)?),
                "version" => version = Some(projection_version(input.parse()?)?),
                "description" => description = Some(input.parse()?),
                "streams" => streams = Some(input.parse()?),
                "envelope" => envelope = Some(parts(input)?),
                "metadata" => metadata = metadata_fields(input)?,
                "partition" => partition = self::partition(input)?,
                _ => {
                    return Err(Error::new(
                        word.span(),
                        "export! takes name, version, description, envelope, metadata, streams and partition",
                    ));
                }
            }
        }
        let missing = |what: &str, example: &str| {
            Error::new_spanned(&projection, format!("the projection needs a {what}: export!(.., {example})"))
        };
        let name = name.ok_or_else(|| missing("name", "name = \"balances\""))?;
        let version = version.ok_or_else(|| missing("version", "version = 1"))?;
        let envelope = envelope.unwrap_or_else(|| vec![Ident::new("stream", proc_macro2::Span::call_site())]);
        Ok(Export { projection, name, version, description, envelope, metadata, streams, partition })
    }
}

fn projection_name(name: LitStr) -> Result<LitStr> {
    let text = name.value();
    let fits = text.len() <= 63
        && text.starts_with(|c: char| c.is_ascii_lowercase())
        && text.bytes().all(|b| b.is_ascii_lowercase() || b.is_ascii_digit() || b == b'-');
    if fits {
        return Ok(name);
    }
    Err(Error::new(
        name.span(),
        "a projection's name is lower-case letters, digits and hyphens, starting with a letter, at most 63",
    ))
}

fn projection_version(version: LitInt) -> Result<LitInt> {
    version.base10_parse::<u32>()?;
    Ok(version)
}

fn parts(input: ParseStream<'_>) -> Result<Vec<Ident>> {
    let content;
    bracketed!(content in input);
    let parts: Punctuated<Ident, Token![,]> = content.parse_terminated(Ident::parse, Token![,])?;
    for part in &parts {
        if !PARTS.iter().any(|(name, _)| part == name) {
            let known: Vec<_> = PARTS.iter().map(|(name, _)| *name).collect();
            return Err(Error::new(part.span(), format!("the envelope has {}", known.join(", "))));
        }
    }
    Ok(parts.into_iter().collect())
}

fn metadata_fields(input: ParseStream<'_>) -> Result<Vec<LitStr>> {
    let content;
    bracketed!(content in input);
    let fields = content.parse_terminated(|input| input.parse::<LitStr>(), Token![,])?;
    let mut distinct = crate::attributes::Distinct::default();
    for field in &fields {
        distinct.add("the metadata field", &field.value(), field.span())?;
    }
    Ok(fields.into_iter().collect())
}

fn partition(input: ParseStream<'_>) -> Result<Partition> {
    let word: Ident = input.parse()?;
    match word.to_string().as_str() {
        "whole" => Ok(Partition::Whole),
        "by_stream" => Ok(Partition::ByStream),
        "by_field" => {
            let content;
            parenthesized!(content in input);
            Ok(Partition::ByField(content.parse()?))
        }
        _ => Err(Error::new(word.span(), "rows depend on: whole, by_stream or by_field(\"name\")")),
    }
}

impl Export {
    pub fn expand(&self) -> TokenStream {
        let Export { projection, name, version, metadata, .. } = self;
        let description = self.description.as_ref().map_or_else(String::new, LitStr::value);
        let sdk = quote!(::projectionist_sdk::macros);
        let parts = self.envelope.iter().filter_map(|part| {
            let (_, name) = PARTS.iter().find(|(known, _)| part == known)?;
            let constant = Ident::new(name, part.span());
            Some(quote!(| #sdk::parts::#constant))
        });
        let prefix = match &self.streams {
            Some(prefix) => quote!(::core::option::Option::Some(#prefix)),
            None => quote!(::core::option::Option::None),
        };
        let wit = quote!(#sdk::bindings::manifests::Partitioning);
        let partition = match &self.partition {
            Partition::Whole => quote!(#wit::Whole),
            Partition::ByStream => quote!(#wit::ByStream),
            Partition::ByField(field) => quote!(#wit::ByField(::std::string::String::from(#field))),
        };
        let exports = exports(projection, &sdk);
        let any_event = owned_any_event(projection);
        quote! {
            #any_event
            impl ::projectionist_sdk::Exported for #projection {
                const NAME: &'static str = #name;
                const VERSION: u32 = #version;
                const DESCRIPTION: &'static str = #description;
                const PARTS: u8 = 0 #(#parts)*;
                const METADATA: &'static [&'static str] = &[#(#metadata),*];
                const STREAM_PREFIX: ::core::option::Option<&'static str> = #prefix;
                fn partitioning() -> #wit {
                    #partition
                }
            }
            // Native builds have no exports; this keeps them from calling the projection unused.
            const _: fn() -> #sdk::bindings::manifests::Manifest = #sdk::manifest::<#projection>;
            #exports
        }
    }
}

/// `AnyEvent` has a lifetime, and where an associated type is given Rust does not let one be left out; a type without any
/// does not let one be written. So that both may be written after `use projectionist_sdk::prelude::*`, a file that leaves
/// it out gets an import of its own, which counts for more than the prelude's: that of the type that borrows nothing.
fn owned_any_event(projection: &Path) -> TokenStream {
    use syn::spanned::Spanned;
    let source = projection.span().unwrap().local_file().and_then(|file| std::fs::read_to_string(file).ok());
    match source {
        Some(source) if leaves_lifetime_out(&source) => quote! {
            #[allow(unused_imports)]
            use ::projectionist_sdk::owned::AnyEvent;
        },
        _ => TokenStream::new(),
    }
}

/// Whether a source file says `type Event = AnyEvent;`, never gives it a lifetime, and imports it by no name of its own.
fn leaves_lifetime_out(source: &str) -> bool {
    let code = source.lines().filter(|line| !line.trim_start().starts_with("//"));
    let code: String = code.flat_map(str::chars).filter(|c| !c.is_whitespace()).collect();
    let is_named = ["::AnyEvent", "{AnyEvent", ",AnyEvent"];
    code.contains("typeEvent=AnyEvent;")
        && !code.contains("AnyEvent<")
        && !is_named.iter().any(|name| code.contains(name))
}

/// The component's exports. The instance lives in a thread-local, of which a plugin has one.
fn exports(projection: &Path, sdk: &TokenStream) -> TokenStream {
    let bindings = quote!(#sdk::bindings);
    quote! {
        #[cfg(target_arch = "wasm32")]
        const _: () = {
            type __Runtime = #sdk::Runtime<#projection>;
            type __Fault = #bindings::faults::Fault;
            ::std::thread_local! {
                static INSTANCE: ::core::cell::RefCell<::core::option::Option<__Runtime>> =
                    const { ::core::cell::RefCell::new(::core::option::Option::None) };
            }
            struct __Plugin;
            impl #bindings::Guest for __Plugin {
                fn manifest() -> #bindings::manifests::Manifest {
                    #sdk::manifest::<#projection>()
                }
                fn open(start: #bindings::Start) -> ::core::result::Result<(), __Fault> {
                    let runtime = __Runtime::open(start)?;
                    INSTANCE.with(|instance| *instance.borrow_mut() = ::core::option::Option::Some(runtime));
                    ::core::result::Result::Ok(())
                }
                fn apply(
                    batch: #bindings::events::Batch,
                ) -> ::core::result::Result<#bindings::Pending, __Fault> {
                    INSTANCE.with(|instance| match instance.borrow_mut().as_mut() {
                        ::core::option::Option::Some(runtime) => runtime.apply(batch),
                        ::core::option::Option::None => ::core::result::Result::Err(#sdk::not_open()),
                    })
                }
                fn flush() -> ::core::result::Result<::std::vec::Vec<#bindings::tables::Changes>, __Fault> {
                    INSTANCE.with(|instance| match instance.borrow_mut().as_mut() {
                        ::core::option::Option::Some(runtime) => runtime.flush(),
                        ::core::option::Option::None => ::core::result::Result::Err(#sdk::not_open()),
                    })
                }
            }
            #bindings::export_component!(__Plugin with_types_in ::projectionist_sdk::bindings);
        };
    }
}

#[cfg(test)]
mod tests {
    use super::leaves_lifetime_out;

    #[test]
    fn only_a_file_that_leaves_the_lifetime_out_gets_the_owned_type() {
        assert!(leaves_lifetime_out(
            "use projectionist_sdk::prelude::*;\nimpl Projection for T {\n    type Event =\n AnyEvent ;"
        ));
        assert!(!leaves_lifetime_out("impl Projection for T { type Event = AnyEvent<'static>; }"));
        assert!(!leaves_lifetime_out("// type Event = AnyEvent;\nimpl Projection for T { type Event = Mine; }"));
        assert!(!leaves_lifetime_out(
            "use projectionist_sdk::owned::AnyEvent;\nimpl Projection for T { type Event = AnyEvent; }"
        ));
        assert!(!leaves_lifetime_out(
            "use projectionist_sdk::{prelude::*, owned::AnyEvent};\nimpl P for T { type Event = AnyEvent; }"
        ));
        assert!(!leaves_lifetime_out("type Event = AnyEvent; type Other = AnyEvent<'static>;"));
    }
}
