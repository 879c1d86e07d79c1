//! `promotionctl` as a person, a script and an administrator run it.

mod command_line;
mod database_commands;
mod demo;
mod every_command;
mod help;
mod key_rotation;
mod pipelines;
