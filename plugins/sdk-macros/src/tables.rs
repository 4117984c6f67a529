//! `#[derive(Tables)]`: a projection's fields as its tables.

use proc_macro2::TokenStream;
use quote::quote;
use syn::ext::IdentExt;
use syn::spanned::Spanned;
use syn::{Data, DeriveInput, Error, Fields, Result};

use crate::attributes::{Distinct, check_sql_name, inside, named, string};

pub fn derive(input: &DeriveInput) -> Result<TokenStream> {
    let ident = &input.ident;
    let fields = match &input.data {
        Data::Struct(data) => match &data.fields {
            Fields::Named(fields) => fields,
            _ => return Err(Error::new(ident.span(), "a projection is a struct with named fields: its tables")),
        },
        _ => return Err(Error::new(ident.span(), "a projection is a struct whose fields are its tables")),
    };
    if let Some(parameter) = input.generics.params.first() {
        return Err(Error::new(parameter.span(), "a projection has no generic parameters"));
    }
    let mut visits = Vec::new();
    let mut distinct = Distinct::default();
    for field in &fields.named {
        if named(&field.attrs, "setting").next().is_some() {
            continue;
        }
        if inside(&field.ty, "Table").is_none() && inside(&field.ty, "InsertTable").is_none() {
            return Err(Error::new(
                field.ty.span(),
                "neither Table<..> nor InsertTable<..>: what a projection remembers belongs into a table, since a new \
                 instance may start at any event; a value that `open` takes from the settings is marked #[setting]",
            ));
        }
        let Some(field_ident) = &field.ident else { continue };
        let mut name = field_ident.unraw().to_string();
        for attribute in named(&field.attrs, "table") {
            attribute.parse_nested_meta(|meta| {
                if !meta.path.is_ident("name") && !meta.path.is_ident("rename") {
                    return Err(meta.error("a table takes name = \"..\""));
                }
                name = string(&meta)?.value();
                Ok(())
            })?;
        }
        check_sql_name("table", &name, field_ident.span())?;
        distinct.add("the table", &name, field_ident.span())?;
        visits.push(quote!(visit(#name, &mut self.#field_ident);));
    }
    if visits.is_empty() {
        return Err(Error::new(ident.span(), "a projection keeps at least one table: a field of type Table<Row>"));
    }
    Ok(quote! {
        #[automatically_derived]
        impl ::projectionist_sdk::Tables for #ident {
            fn each(
                &mut self,
                visit: &mut dyn ::core::ops::FnMut(&'static str, &mut dyn ::projectionist_sdk::macros::AnyTable),
            ) {
                #(#visits)*
            }
        }
    })
}
