//! Keys by which the server tells a request that is sent again from another one.

/// A key that no other request of this person has: two random numbers of 52 bits.
pub fn new() -> String {
    let part = || (js_sys::Math::random() * 4_503_599_627_370_496.0) as u64;
    format!("{:013x}{:013x}", part(), part())
}
