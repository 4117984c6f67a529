//! The derive macros of `projectionist-sdk`; documented there, on what they derive.

mod attributes;
mod fields;
mod event;
mod nested_tuple;
mod row;
mod tables;
mod export;

use proc_macro::TokenStream;
use syn::parse_macro_input;

/// Makes an enum (or, for every type, a struct) readable from recorded events. See `projectionist_sdk::Event`.
#[proc_macro_derive(Event, attributes(event))]
pub fn derive_event(input: TokenStream) -> TokenStream {
    let input = parse_macro_input!(input as syn::DeriveInput);
    event::derive(&input).unwrap_or_else(syn::Error::into_compile_error).into()
}

/// Makes a struct readable from payload fields. See `projectionist_sdk::Fields`.
#[proc_macro_derive(Fields, attributes(event))]
pub fn derive_fields(input: TokenStream) -> TokenStream {
    let input = parse_macro_input!(input as syn::DeriveInput);
    fields::derive(&input).unwrap_or_else(syn::Error::into_compile_error).into()
}

/// Makes a struct a row of a table. See `projectionist_sdk::Row`.
#[proc_macro_derive(Row, attributes(row, key, index, unique))]
pub fn derive_row(input: TokenStream) -> TokenStream {
    let input = parse_macro_input!(input as syn::DeriveInput);
    row::derive(&input).unwrap_or_else(syn::Error::into_compile_error).into()
}

/// Makes a struct's fields the tables of a projection. See `projectionist_sdk::Tables`.
#[proc_macro_derive(Tables, attributes(table, setting))]
pub fn derive_tables(input: TokenStream) -> TokenStream {
    let input = parse_macro_input!(input as syn::DeriveInput);
    tables::derive(&input).unwrap_or_else(syn::Error::into_compile_error).into()
}

/// Names a projection and exports it from the plugin. See `projectionist_sdk::Projection`.
#[proc_macro]
pub fn export(input: TokenStream) -> TokenStream {
    let input = parse_macro_input!(input as export::Export);
    input.expand().into()
}
