//! Compare, preflight and execute on a seeded inventory.
