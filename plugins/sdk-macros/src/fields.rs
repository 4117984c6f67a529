//! **Fields** of a variant or a struct: which columns they need, and how they are read from them.

use proc_macro2::TokenStream;
use quote::{format_ident, quote};
use syn::ext::IdentExt;
use syn::spanned::Spanned;
use syn::{Data, DeriveInput, Error, Expr, Fields, Ident, Result, Type};

use crate::attributes::{Case, Distinct, inside, is_json, named, string};

/// One field of an event.
struct Field {
    ident: Ident,
    kind: Type,
    /// The names under which it was recorded; the first is the present one. Empty for a document.
    names: Vec<String>,
    json: bool,
    default: Option<Option<Expr>>,
}

/// The fields of a variant or a struct.
pub struct FieldList {
    fields: Vec<Field>,
    /// The distinct columns, in order.
    pub columns: Vec<String>,
    /// Whether a field takes the whole payload.
    pub document: bool,
}

impl FieldList {
    pub fn parse(fields: &syn::FieldsNamed, case: Case) -> Result<FieldList> {
        let mut list = FieldList { fields: Vec::new(), columns: Vec::new(), document: false };
        let mut distinct = Distinct::default();
        for field in &fields.named {
            let parsed = Field::parse(field, case)?;
            for name in &parsed.names {
                distinct.add("the event field", name, parsed.ident.span())?;
                list.columns.push(name.clone());
            }
            list.document |= parsed.names.is_empty();
            list.fields.push(parsed);
        }
        Ok(list)
    }

    /// How many columns they are read from.
    pub fn width(&self) -> usize {
        self.columns.len() + usize::from(self.document)
    }

    /// `{ a: ..., b: ... }`, each read from `cells` (a slice of columns) at `row`; `?` leaves with a fault.
    pub fn read(&self, cells: &TokenStream) -> TokenStream {
        let mut next = 0usize;
        let document = self.columns.len();
        let reads = self.fields.iter().map(|field| {
            let first = next;
            next += field.names.len();
            let ident = &field.ident;
            let read = field.read(cells, first, document);
            quote!(#ident: #read)
        });
        let reads: Vec<_> = reads.collect();
        quote!({ #(#reads),* })
    }
}

impl Field {
    fn parse(field: &syn::Field, case: Case) -> Result<Field> {
        let ident = field.ident.clone().ok_or_else(|| Error::new(field.span(), "fields of events have names"))?;
        let (mut name, mut aliases, mut json, mut default, mut document) = (None, Vec::new(), false, None, false);
        for attribute in named(&field.attrs, "event") {
            attribute.parse_nested_meta(|meta| {
                if meta.path.is_ident("rename") {
                    name = Some(string(&meta)?.value());
                } else if meta.path.is_ident("alias") {
                    aliases.push(string(&meta)?.value());
                } else if meta.path.is_ident("json") {
                    json = true;
                } else if meta.path.is_ident("document") {
                    document = true;
                } else if meta.path.is_ident("default") {
                    default = Some(if meta.input.peek(syn::Token![=]) { Some(meta.value()?.parse()?) } else { None });
                } else {
                    return Err(meta.error("fields take rename, alias, default, json and document"));
                }
                Ok(())
            })?;
        }
        let mut names = Vec::new();
        if document {
            if name.is_some() || !aliases.is_empty() || default.is_some() {
                return Err(Error::new(
                    field.span(),
                    "`document` takes the whole payload, so it has neither a name nor a default",
                ));
            }
        } else {
            names.push(name.unwrap_or_else(|| case.apply(&ident.unraw().to_string())));
            names.extend(aliases);
        }
        let json = json || (!document && is_json(&field.ty));
        Ok(Field { ident, kind: field.ty.clone(), names, json, default })
    }

    fn read(&self, cells: &TokenStream, first: usize, document: usize) -> TokenStream {
        let sdk = quote!(::projectionist_sdk::macros);
        let kind = in_batch(&self.kind);
        let Some(name) = self.names.first() else {
            let function = format_ident!("{}", if self.json { "document_json" } else { "document" });
            return quote!(#sdk::#function::<#kind>(&#cells[#document], row)?);
        };
        let column = if self.names.len() == 1 {
            quote!(&#cells[#first])
        } else {
            let all = (first..first + self.names.len()).map(|column| quote!(&#cells[#column]));
            quote!(#sdk::alias(&[#(#all),*], row))
        };
        let read = match (self.json, inside(&self.kind, "Option")) {
            (true, Some(inner)) => {
                let inner = in_batch(inner);
                quote!(#sdk::json_option::<#inner>(#column, row, #name))
            }
            (true, None) => quote!(#sdk::json_field::<#kind>(#column, row, #name)),
            (false, _) => quote!(#sdk::field::<#kind>(#column, row, #name)),
        };
        match &self.default {
            None => quote!(#read?),
            Some(expression) => {
                let default = match expression {
                    Some(expression) => quote!(|| #expression),
                    None => quote!(<#kind as ::core::default::Default>::default),
                };
                quote!(#sdk::absent_or(#column, row, #default, || #read)?)
            }
        }
    }
}

/// `rename_all` and other words on the item itself.
pub fn case_of(
    attributes: &[syn::Attribute],
    other: &mut dyn FnMut(&syn::meta::ParseNestedMeta<'_>) -> Result<bool>,
) -> Result<Case> {
    let mut case = Case::Same;
    for attribute in named(attributes, "event") {
        attribute.parse_nested_meta(|meta| {
            if meta.path.is_ident("rename_all") {
                case = Case::parse(&string(&meta)?)?;
                return Ok(());
            }
            if other(&meta)? { Ok(()) } else { Err(meta.error("not known here")) }
        })?;
    }
    Ok(case)
}

/// `#[derive(Fields)]`.
pub fn derive(input: &DeriveInput) -> Result<TokenStream> {
    let Data::Struct(data) = &input.data else {
        return Err(Error::new(
            input.ident.span(),
            "`Fields` is derived for structs; for an enum of events derive `Event`",
        ));
    };
    let Fields::Named(named) = &data.fields else {
        return Err(Error::new(input.ident.span(), "the fields need names: they are the payload's field names"));
    };
    let lifetimes = Lifetimes::of(input)?;
    let case = case_of(&input.attrs, &mut |_| Ok(false))?;
    let list = FieldList::parse(named, case)?;
    let (ident, columns, document) = (&input.ident, &list.columns, list.document);
    let (generics, borrowed) = (lifetimes.parameter(), lifetimes.used());
    let read = list.read(&quote!(cells));
    Ok(quote! {
        #[automatically_derived]
        impl #generics ::projectionist_sdk::Fields<'__a> for #ident #borrowed {
            fn names() -> ::std::vec::Vec<::std::string::String> {
                ::std::vec![#(::std::string::String::from(#columns)),*]
            }
            fn document() -> bool {
                #document
            }
            fn read(
                cells: &[::projectionist_sdk::macros::Cells<'__a>],
                row: usize,
            ) -> ::core::result::Result<Self, ::projectionist_sdk::Fault> {
                ::core::result::Result::Ok(#ident #read)
            }
        }
    })
}

/// Whether the type borrows from its batch.
pub struct Lifetimes {
    borrows: bool,
}

impl Lifetimes {
    /// Refuses every generic parameter but one lifetime.
    pub fn of(input: &DeriveInput) -> Result<Lifetimes> {
        for parameter in &input.generics.params {
            if !matches!(parameter, syn::GenericParam::Lifetime(_)) {
                return Err(Error::new(
                    parameter.span(),
                    "events have no generic types: each field's type decides which column it is read from",
                ));
            }
        }
        if let Some(second) = input.generics.params.iter().nth(1) {
            return Err(Error::new(
                second.span(),
                "one lifetime is enough: everything is borrowed from the same batch",
            ));
        }
        Ok(Lifetimes { borrows: !input.generics.params.is_empty() })
    }

    /// `<'__a>`, for the impl of a trait that takes the batch's lifetime.
    pub fn parameter(&self) -> TokenStream {
        quote!(<'__a>)
    }

    /// The type's own arguments with the batch's lifetime.
    pub fn used(&self) -> TokenStream {
        if self.borrows { quote!(<'__a>) } else { quote!() }
    }

    /// The type's own arguments outside of any batch.
    pub fn outside(&self) -> TokenStream {
        if self.borrows { quote!(<'static>) } else { quote!() }
    }
}

/// `#item` with its lifetime named `'__a`, for the types of newtype variants.
pub fn in_batch(kind: &Type) -> TokenStream {
    fn rename(tokens: TokenStream) -> TokenStream {
        let mut renamed = Vec::new();
        let mut tokens = tokens.into_iter().peekable();
        while let Some(token) = tokens.next() {
            match token {
                proc_macro2::TokenTree::Punct(punct) if punct.as_char() == '\'' => {
                    let is_static = matches!(tokens.peek(), Some(proc_macro2::TokenTree::Ident(i)) if i == "static");
                    renamed.push(proc_macro2::TokenTree::Punct(punct));
                    let name = tokens.next();
                    let span = name.as_ref().map_or_else(proc_macro2::Span::call_site, proc_macro2::TokenTree::span);
                    let name = if is_static { "static" } else { "__a" };
                    renamed.push(proc_macro2::TokenTree::Ident(Ident::new(name, span)));
                }
                proc_macro2::TokenTree::Group(group) => {
                    let inner = proc_macro2::Group::new(group.delimiter(), rename(group.stream()));
                    renamed.push(proc_macro2::TokenTree::Group(inner));
                }
                other => renamed.push(other),
            }
        }
        renamed.into_iter().collect()
    }
    rename(quote!(#kind))
}
