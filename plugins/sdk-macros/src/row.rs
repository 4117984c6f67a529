//! `#[derive(Row)]`: a struct as a row of a table.

use proc_macro2::TokenStream;
use quote::quote;
use syn::ext::IdentExt;
use syn::spanned::Spanned;
use syn::{Data, DeriveInput, Error, Fields, Ident, Index, Result, Type};

use crate::attributes::{Distinct, check_sql_name, inside, is_json, named, plain, string};
use crate::nested_tuple;

struct Column {
    ident: Ident,
    name: String,
    kind: Type,
    json: bool,
    key: bool,
    index: bool,
    unique: bool,
}

pub fn derive(input: &DeriveInput) -> Result<TokenStream> {
    let ident = &input.ident;
    let fields = match &input.data {
        Data::Struct(data) => match &data.fields {
            Fields::Named(fields) => fields,
            _ => return Err(Error::new(ident.span(), "the fields of a row need names: they are the column names")),
        },
        _ => return Err(Error::new(ident.span(), "a row is a struct")),
    };
    if let Some(parameter) = input.generics.params.first() {
        return Err(Error::new(parameter.span(), "a row has no generic parameters: it owns what it holds"));
    }
    let mut columns = Vec::new();
    let mut distinct = Distinct::default();
    for field in &fields.named {
        let column = Column::parse(field)?;
        distinct.add("the column", &column.name, column.ident.span())?;
        columns.push(column);
    }
    if !columns.iter().any(|column| column.key) {
        return Err(Error::new(
            ident.span(),
            "a row needs a key: put #[key] on the field (or fields) that identify it",
        ));
    }
    if columns.iter().filter(|column| column.key).count() > 6 {
        return Err(Error::new(ident.span(), "a key has at most six fields"));
    }
    let indexes = indexes(input, &columns)?;
    Ok(expand(ident, &columns, &indexes))
}

impl Column {
    fn parse(field: &syn::Field) -> Result<Column> {
        let ident = field.ident.clone().ok_or_else(|| Error::new(field.span(), "columns have names"))?;
        let (mut name, mut json) = (ident.unraw().to_string(), false);
        let (mut key, mut index, mut unique) = (false, false, false);
        for attribute in named(&field.attrs, "row") {
            attribute.parse_nested_meta(|meta| {
                match meta.path.get_ident().map(Ident::to_string).as_deref() {
                    Some("rename" | "name") => name = string(&meta)?.value(),
                    Some("json") => json = true,
                    Some("key") => key = true,
                    Some("index") => index = true,
                    Some("unique") => unique = true,
                    _ => return Err(meta.error("fields of a row take key, index, unique, rename and json")),
                }
                Ok(())
            })?;
        }
        for (word, flag) in [("key", &mut key), ("index", &mut index), ("unique", &mut unique)] {
            for attribute in named(&field.attrs, word) {
                attribute.meta.require_path_only()?;
                *flag = true;
            }
        }
        check_sql_name("column", &name, ident.span())?;
        let json = json || is_json(&field.ty);
        if key && inside(&field.ty, "Option").is_some() {
            return Err(Error::new(field.ty.span(), "a key is always there: it cannot be an Option"));
        }
        if key && json {
            return Err(Error::new(field.ty.span(), "a key cannot be JSON: rows are found by its parts"));
        }
        if key && matches!(plain(&field.ty), Type::Path(path) if path.path.is_ident("f64") || path.path.is_ident("f32"))
        {
            return Err(Error::new(field.ty.span(), "a key cannot be a float: nearly equal is not equal"));
        }
        Ok(Column { ident, name, kind: field.ty.clone(), json, key, index, unique })
    }

    /// The inner type and whether it may be missing.
    fn json_inner(&self) -> (&Type, bool) {
        inside(&self.kind, "Option").map_or((&self.kind, false), |inner| (inner, true))
    }
}

/// `#[row(index(a, b), unique(c, d))]` on the struct, and `#[index]` and `#[unique]` on fields: columns, unique.
fn indexes(input: &DeriveInput, columns: &[Column]) -> Result<Vec<(Vec<u16>, bool)>> {
    let mut indexes = Vec::new();
    for (place, column) in columns.iter().enumerate() {
        if column.index || column.unique {
            indexes.push((vec![place as u16], column.unique));
        }
    }
    for attribute in named(&input.attrs, "row") {
        attribute.parse_nested_meta(|meta| {
            let unique = meta.path.is_ident("unique");
            if !unique && !meta.path.is_ident("index") {
                return Err(meta.error("a row takes index(field, ..) and unique(field, ..)"));
            }
            let content;
            syn::parenthesized!(content in meta.input);
            let wanted = content.parse_terminated(Ident::parse_any, syn::Token![,])?;
            let mut places: Vec<u16> = Vec::new();
            for name in wanted {
                let Some(place) = columns.iter().position(|column| column.ident == name) else {
                    return Err(Error::new(name.span(), format!("the row has no field `{name}`")));
                };
                if places.contains(&(place as u16)) {
                    return Err(Error::new(name.span(), format!("the index names `{name}` twice")));
                }
                places.push(place as u16);
            }
            if places.is_empty() {
                return Err(meta.error("an index needs a field"));
            }
            indexes.push((places, unique));
            Ok(())
        })?;
    }
    Ok(indexes)
}

fn expand(ident: &Ident, columns: &[Column], indexes: &[(Vec<u16>, bool)]) -> TokenStream {
    let sdk = quote!(::projectionist_sdk::macros);
    let value = quote!(::projectionist_sdk::ColumnValue);
    let wit = quote!(#sdk::bindings);
    let result = quote!(::core::result::Result);
    let fault = quote!(::projectionist_sdk::Fault);
    let keys: Vec<_> = columns.iter().filter(|column| column.key).collect();
    let builder = |column: &Column| {
        let kind = &column.kind;
        match (column.json, column.json_inner().1) {
            (false, _) => quote!(<#kind as #value>::Builder),
            (true, false) => quote!(#sdk::Texts<true>),
            (true, true) => quote!(#sdk::Nullable<#sdk::Texts<true>>),
        }
    };
    let columns_type = nested_tuple::of_types(&columns.iter().map(builder).collect::<Vec<_>>());
    let key_builders = keys.iter().map(|column| builder(column));
    let described = columns.iter().map(|column| {
        let (name, kind) = (&column.name, &column.kind);
        if column.json {
            let nullable = column.json_inner().1;
            quote!(#sdk::json_column(#name, #nullable))
        } else {
            quote!(#sdk::column::<#kind>(#name))
        }
    });
    let key_places = columns.iter().enumerate().filter(|(_, column)| column.key).map(|(place, _)| place as u16);
    let indexes = indexes.iter().map(|(columns, unique)| quote!(#sdk::index(&[#(#columns),*], #unique)));
    let key_kinds: Vec<_> = keys.iter().map(|column| &column.kind).collect();
    let key_idents: Vec<_> = keys.iter().map(|column| &column.ident).collect();
    let key_trait = quote!(::projectionist_sdk::Key);
    let (key_type, key_view) = match (key_kinds.as_slice(), key_idents.as_slice()) {
        ([kind], [name]) => (quote!(#kind), quote!(#key_trait::view(&self.#name))),
        (kinds, names) => (quote!((#(#kinds,)*)), quote!((#(#key_trait::view(&self.#names),)*))),
    };
    let outside_key = columns.iter().filter(|column| !column.key).map(|column| &column.ident);
    let single = keys.len() == 1;
    let mut key_place = 0usize;
    let made: Vec<_> = columns
        .iter()
        .map(|column| {
            let (name, kind) = (&column.ident, &column.kind);
            if !column.key {
                return quote!(#name: ::core::default::Default::default());
            }
            let index = Index::from(key_place);
            key_place += 1;
            let part = if single { quote!(key) } else { quote!(key.#index) };
            quote!(#name: <#kind as #key_trait>::own(#part))
        })
        .collect();
    let push = |column: &Column, place: TokenStream| {
        let (field, name) = (&column.ident, &column.name);
        match (column.json, column.json_inner().1) {
            (false, _) => quote!(#sdk::put(&self.#field, &mut columns.#place, #name)?;),
            (true, false) => quote!(#sdk::put_json(&self.#field, &mut columns.#place, #name)?;),
            (true, true) => quote!(#sdk::put_json_option(self.#field.as_ref(), &mut columns.#place, #name)?;),
        }
    };
    let path = |place| nested_tuple::path(place, columns.len());
    let pushes = columns.iter().enumerate().map(|(place, column)| push(column, path(place)));
    let key_path = |place| nested_tuple::path(place, keys.len());
    let key_pushes = keys.iter().enumerate().map(|(place, column)| push(column, key_path(place)));
    let places: Vec<_> = (0..columns.len()).map(path).collect();
    let key_places_built: Vec<_> = (0..keys.len()).map(Index::from).collect();
    let reads = columns.iter().enumerate().map(|(place, column)| {
        let (field, kind, name) = (&column.ident, &column.kind, &column.name);
        let (inner, optional) = column.json_inner();
        match (column.json, optional) {
            (false, _) => quote!(#field: #sdk::take(<#kind as #value>::read(&columns[#place], row), #name)?),
            (true, false) => quote!(#field: #sdk::take(#sdk::json_read::<#kind>(&columns[#place], row), #name)?),
            (true, true) => {
                quote!(#field: #sdk::take(#sdk::json_read_option::<#inner>(&columns[#place], row), #name)?)
            }
        }
    });
    let heaps = columns.iter().map(|column| {
        let (field, kind) = (&column.ident, &column.kind);
        if column.json { quote!(#sdk::json_heap(&self.#field)) } else { quote!(<#kind as #value>::heap(&self.#field)) }
    });
    let grows = columns.iter().filter(|column| !column.key).map(|column| {
        let kind = &column.kind;
        if column.json { quote!(true) } else { quote!(<#kind as #value>::HEAP) }
    });
    let width = columns.len();
    quote! {
        #[automatically_derived]
        impl ::projectionist_sdk::Row for #ident {
            type Key = #key_type;
            type Columns = #columns_type;
            type KeyColumns = (#(#key_builders,)*);
            const GROWS: bool = false #(|| #grows)*;

            fn table() -> #wit::manifests::Table {
                #wit::manifests::Table {
                    name: ::std::string::String::new(),
                    columns: ::std::vec![#(#described),*],
                    key: ::std::vec![#(#key_places),*],
                    indexes: ::std::vec![#(#indexes),*],
                    insert_only: false,
                }
            }

            #[inline]
            fn new(key: <Self::Key as #key_trait>::Ref<'_>) -> Self {
                #ident { #(#made),* }
            }

            fn reset(&mut self) {
                #(self.#outside_key = ::core::default::Default::default();)*
            }

            #[inline]
            fn key(&self) -> <Self::Key as #key_trait>::Ref<'_> {
                #key_view
            }

            #[inline]
            fn push(&self, columns: &mut Self::Columns) -> #result<(), #fault> {
                #(#pushes)*
                #result::Ok(())
            }

            fn push_key(&self, columns: &mut Self::KeyColumns) -> #result<(), #fault> {
                #(#key_pushes)*
                #result::Ok(())
            }

            fn reserve(columns: &mut Self::Columns, rows: usize) {
                #(#sdk::Builder::reserve(&mut columns.#places, rows);)*
            }

            fn columns_bytes(columns: &Self::Columns) -> usize {
                0 #(+ #sdk::Builder::bytes(&columns.#places))*
            }

            fn finish(columns: Self::Columns) -> ::std::vec::Vec<#wit::columns::Column> {
                ::std::vec![#(#sdk::Builder::finish(columns.#places)),*]
            }

            fn finish_key(columns: Self::KeyColumns) -> ::std::vec::Vec<#wit::columns::Column> {
                ::std::vec![#(#sdk::Builder::finish(columns.#key_places_built)),*]
            }

            fn read(columns: &[#sdk::Cells<'_>], row: usize) -> #result<Self, #fault> {
                if columns.len() != #width {
                    return #result::Err(#sdk::wrong_width());
                }
                #result::Ok(#ident { #(#reads),* })
            }

            fn heap(&self) -> usize {
                0 #(+ #heaps)*
            }
        }
    }
}
