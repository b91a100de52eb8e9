//! End-to-end tests over the workspace.
