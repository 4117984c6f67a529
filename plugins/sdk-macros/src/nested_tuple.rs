//! **Nested tuples** stand for tuples of any length: a standard trait such as `Default` is there for up to twelve parts.

use proc_macro2::TokenStream;
use quote::quote;
use syn::Index;

const PARTS_MAX: usize = 12;

/// How many of `length` parts one part of the outermost tuple holds: a power of [`PARTS_MAX`].
fn inner_length(length: usize) -> usize {
    let mut inner = 1;
    while inner * PARTS_MAX < length {
        inner *= PARTS_MAX;
    }
    inner
}

/// The tuple of these types.
pub fn of_types(types: &[TokenStream]) -> TokenStream {
    let inner = inner_length(types.len());
    if inner == 1 {
        return quote!((#(#types,)*));
    }
    let parts = types.chunks(inner).map(of_types);
    quote!((#(#parts,)*))
}

/// How its part `place`, of `length`, is reached: `0.3`.
pub fn path(place: usize, length: usize) -> TokenStream {
    let inner = inner_length(length);
    let index = Index::from(place / inner);
    if inner == 1 {
        return quote!(#index);
    }
    let first = place / inner * inner;
    let rest = path(place - first, inner.min(length - first));
    quote!(#index . #rest)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn parts_lie_where_their_path_says() {
        for length in [1, 12, 13, 40, 144, 145, 512] {
            let types: Vec<_> = (0..length).map(Index::from).map(|number| quote!(#number)).collect();
            let tuple = syn::parse2::<syn::Expr>(of_types(&types)).unwrap();
            for place in 0..length {
                let mut part = &tuple;
                for index in path(place, length).to_string().split('.') {
                    let syn::Expr::Tuple(tuple) = part else { panic!("no tuple at {place} of {length}") };
                    assert!(tuple.elems.len() <= PARTS_MAX);
                    part = &tuple.elems[index.trim().parse::<usize>().unwrap()];
                }
                assert_eq!(quote!(#part).to_string(), place.to_string());
            }
        }
    }
}
