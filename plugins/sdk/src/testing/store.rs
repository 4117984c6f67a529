//! x
use crate::bindings::columns::Column;
use crate::bindings::tables::Rows;
pub(crate) struct Store;
impl Store {
    pub(crate) fn lookup(&mut self, _: u16, _: u32, _: &[Column]) -> Rows {
        todo!()
    }
}
pub(crate) fn with<T>(f: impl FnOnce(&mut Store) -> T) -> T {
    f(&mut Store)
}
