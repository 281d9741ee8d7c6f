//! A page of what is asked for. Must never be without a bound.

/// How much one page may hold: at least one item is always given.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct PageLimit {
    /// Items.
    pub items: usize,
    /// Bytes of their encoded bodies, together.
    pub bytes: usize,
}

/// Some items, and whether there are more that way.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Page<T> {
    /// In ascending order.
    pub items: Vec<T>,
    /// There are more.
    pub more: bool,
}
