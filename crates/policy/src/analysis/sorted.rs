//! Small sets: vectors that ascend and have each item once.

/// Adds an item where it is missing.
pub(super) fn insert<T: Ord>(items: &mut Vec<T>, item: T) {
    if let Err(place) = items.binary_search(&item) {
        items.insert(place, item);
    }
}
