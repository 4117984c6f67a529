//! `#[derive(Event)]`: an enum with a variant for each recorded type, or a struct for every type.

use proc_macro2::TokenStream;
use quote::quote;
use syn::spanned::Spanned;
use syn::{Data, DeriveInput, Error, Fields, Ident, Index, Result, Type, Variant};

use crate::attributes::{Case, Distinct, named, string};
use crate::fields::{FieldList, Lifetimes, case_of, in_batch};

/// What a variant holds.
enum Content {
    Unit,
    Named(FieldList),
    /// A struct that derives `Fields`.
    Inner(Type),
    /// The whole payload, read with serde.
    Json(Type),
    /// The whole payload as recorded.
    Document(Type),
}

/// One recorded type.
struct Kind {
    name: String,
    /// `Ledger::Deposited`.
    path: TokenStream,
    content: std::rc::Rc<Content>,
}

pub fn derive(input: &DeriveInput) -> Result<TokenStream> {
    let lifetimes = Lifetimes::of(input)?;
    let ident = &input.ident;
    match &input.data {
        Data::Enum(data) => {
            let case = case_of(&input.attrs, &mut |_| Ok(false))?;
            let mut kinds = Vec::new();
            let mut distinct = Distinct::default();
            for variant in &data.variants {
                let content = std::rc::Rc::new(content(variant, case)?);
                let variant_ident = &variant.ident;
                for name in names(variant)? {
                    distinct.add("the event type", &name, variant_ident.span())?;
                    let path = quote!(#ident::#variant_ident);
                    kinds.push(Kind { name, path, content: content.clone() });
                }
            }
            if kinds.is_empty() {
                return Err(Error::new(ident.span(), "an event enum needs a variant for each recorded type it takes"));
            }
            Ok(expand(ident, &lifetimes, &kinds, false))
        }
        Data::Struct(data) => {
            let mut every = false;
            let case = case_of(&input.attrs, &mut |meta| {
                every |= meta.path.is_ident("every");
                Ok(meta.path.is_ident("every"))
            })?;
            let Fields::Named(fields) = &data.fields else {
                return Err(Error::new(ident.span(), "the fields need names: they are the payload's field names"));
            };
            if !every {
                return Err(Error::new(
                    ident.span(),
                    "a struct stands for every event type: say so with #[event(every)], or derive `Event` for an enum",
                ));
            }
            let content = std::rc::Rc::new(Content::Named(FieldList::parse(fields, case)?));
            Ok(expand(ident, &lifetimes, &[Kind { name: String::new(), path: quote!(#ident), content }], true))
        }
        Data::Union(_) => Err(Error::new(ident.span(), "`Event` is derived for enums")),
    }
}

/// Its recorded names: the present one, then those it had earlier.
fn names(variant: &Variant) -> Result<Vec<String>> {
    let (mut name, mut aliases) = (None, Vec::new());
    for attribute in named(&variant.attrs, "event") {
        attribute.parse_nested_meta(|meta| {
            if meta.path.is_ident("name") {
                name = Some(string(&meta)?.value());
            } else if meta.path.is_ident("alias") {
                aliases.push(string(&meta)?.value());
            } else if !meta.path.is_ident("json") && !meta.path.is_ident("document") {
                return Err(meta.error("variants take name, alias, json and document"));
            }
            Ok(())
        })?;
    }
    let mut names = vec![name.unwrap_or_else(|| variant.ident.to_string())];
    names.extend(aliases);
    Ok(names)
}

fn content(variant: &Variant, case: Case) -> Result<Content> {
    let (mut json, mut document) = (false, false);
    let inner_attributes = variant.fields.iter().take(usize::from(matches!(variant.fields, Fields::Unnamed(_))));
    let attributes = variant.attrs.iter().chain(inner_attributes.flat_map(|field| &field.attrs));
    for attribute in attributes.filter(|attribute| attribute.path().is_ident("event")) {
        attribute.parse_nested_meta(|meta| {
            json |= meta.path.is_ident("json");
            document |= meta.path.is_ident("document");
            if meta.input.peek(syn::Token![=]) {
                meta.value()?.parse::<syn::Expr>()?;
            }
            Ok(())
        })?;
    }
    match &variant.fields {
        Fields::Unit => Ok(Content::Unit),
        Fields::Named(fields) if !json && !document => Ok(Content::Named(FieldList::parse(fields, case)?)),
        Fields::Unnamed(fields) if fields.unnamed.len() == 1 => {
            let kind = fields.unnamed[0].ty.clone();
            Ok(match (json, document) {
                (true, _) => Content::Json(kind),
                (false, true) => Content::Document(kind),
                (false, false) => Content::Inner(kind),
            })
        }
        Fields::Named(_) => Err(Error::new(
            variant.span(),
            "`json` and `document` go on single fields here, or on a variant that holds one value: Opened(Payload)",
        )),
        Fields::Unnamed(_) => Err(Error::new(
            variant.span(),
            "payload fields have names: write them as `{ amount: i64 }`, or put one struct that derives `Fields` inside",
        )),
    }
}

fn expand(ident: &Ident, lifetimes: &Lifetimes, kinds: &[Kind], every: bool) -> TokenStream {
    let (used, outside) = (lifetimes.used(), lifetimes.outside());
    let sdk = quote!(::projectionist_sdk::macros);
    let wit = quote!(#sdk::bindings::manifests);
    let described = kinds.iter().map(|kind| kind.describe(&wit));
    let selection = if every {
        quote!(#wit::Selection::Every(#(#described)*))
    } else {
        quote!(#wit::Selection::Types(::std::vec![#(#described),*]))
    };
    let columns = kinds.iter().map(|kind| kind.columns_type(&sdk));
    let taken = kinds.iter().map(Kind::take);
    let reads = kinds.iter().enumerate().map(|(number, kind)| {
        let index = Index::from(number);
        let read = kind.read(&quote!(columns.#index), &sdk);
        quote!(#number => reading.each(|row| ::core::result::Result::Ok(#read)))
    });
    quote! {
        #[automatically_derived]
        impl ::projectionist_sdk::Event for #ident #outside {
            type Of<'__a> = #ident #used;
            type Columns<'__a> = (#(#columns,)*);

            fn selection() -> #wit::Selection {
                #selection
            }

            fn columns<'__a>(
                groups: &mut #sdk::Groups<'__a>,
            ) -> ::core::result::Result<Self::Columns<'__a>, ::projectionist_sdk::Fault> {
                ::core::result::Result::Ok((#(#taken,)*))
            }

            fn read<'__e, '__a>(
                columns: &Self::Columns<'__a>,
                kind: usize,
                reading: #sdk::Reading<'__e, '__a, Self::Of<'__a>>,
            ) -> #sdk::ReadEvents<'__e> {
                match kind {
                    #(#reads,)*
                    _ => reading.unknown(),
                }
            }
        }
    }
}

impl Kind {
    /// Its entry in the manifest.
    fn describe(&self, wit: &TokenStream) -> TokenStream {
        let name = &self.name;
        let (fields, document) = match &*self.content {
            Content::Unit => (quote!(::std::vec::Vec::new()), quote!(false)),
            Content::Named(list) => {
                let (columns, document) = (&list.columns, list.document);
                (quote!(::std::vec![#(::std::string::String::from(#columns)),*]), quote!(#document))
            }
            Content::Inner(kind) => {
                let kind = in_batch(kind);
                let kind = quote!(<#kind as ::projectionist_sdk::Fields<'_>>);
                let kind = strip_batch(&kind);
                (quote!(#kind::names()), quote!(#kind::document()))
            }
            Content::Json(_) | Content::Document(_) => (quote!(::std::vec::Vec::new()), quote!(true)),
        };
        quote!(#wit::EventType { name: ::std::string::String::from(#name), fields: #fields, document: #document })
    }

    fn columns_type(&self, sdk: &TokenStream) -> TokenStream {
        match &*self.content {
            Content::Unit => quote!([#sdk::Cells<'__a>; 0]),
            Content::Named(list) => {
                let width = list.width();
                quote!([#sdk::Cells<'__a>; #width])
            }
            Content::Inner(_) => quote!(::std::vec::Vec<#sdk::Cells<'__a>>),
            Content::Json(_) | Content::Document(_) => quote!([#sdk::Cells<'__a>; 1]),
        }
    }

    /// Takes its columns out of a batch.
    fn take(&self) -> TokenStream {
        match &*self.content {
            Content::Unit => quote!(groups.next(0, false)?),
            Content::Named(list) => {
                let (fields, document) = (list.columns.len(), list.document);
                quote!(groups.next(#fields, #document)?)
            }
            Content::Inner(kind) => {
                let kind = in_batch(kind);
                let kind = quote!(<#kind as ::projectionist_sdk::Fields<'__a>>);
                quote!(groups.next_all(#kind::names().len(), #kind::document())?)
            }
            Content::Json(_) | Content::Document(_) => quote!(groups.next(0, true)?),
        }
    }

    fn read(&self, columns: &TokenStream, sdk: &TokenStream) -> TokenStream {
        let path = &self.path;
        match &*self.content {
            Content::Unit => quote!(#path),
            Content::Named(list) => {
                let read = list.read(columns);
                quote!(#path #read)
            }
            Content::Inner(kind) => {
                let kind = in_batch(kind);
                quote!(#path(<#kind as ::projectionist_sdk::Fields<'__a>>::read(&#columns, row)?))
            }
            Content::Json(kind) => quote!(#path(#sdk::document_json::<#kind>(&#columns[0], row)?)),
            Content::Document(kind) => {
                let kind = in_batch(kind);
                quote!(#path(#sdk::document::<#kind>(&#columns[0], row)?))
            }
        }
    }
}

/// The same type outside of any batch, where `'__a` has no meaning.
fn strip_batch(tokens: &TokenStream) -> TokenStream {
    let text = tokens.to_string().replace("'__a", "'static").replace("'_ >", "'static >");
    text.parse().unwrap_or_else(|_| tokens.clone())
}
