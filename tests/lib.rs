//! Tests of the whole system on real components. The tests are in the folders beside this file.
