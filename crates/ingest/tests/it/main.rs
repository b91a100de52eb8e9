//! Tests of the stage, with files made by the tests.
