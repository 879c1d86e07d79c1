//! SQL functions that diesel does not know. Nothing is decided here.

use diesel::sql_types::{SingleValue, Text};

#[diesel::declare_sql_function]
extern "SQL" {
    /// Lower case by the database's own rules: the ones its indexes use.
    fn lower<T: diesel::sql_types::SqlType + SingleValue>(text: T) -> T;
    /// Where the needle begins, 0 when it does not occur; takes no pattern characters.
    fn strpos(text: Text, needle: Text) -> Integer;
    /// The time of this very moment, not of the transaction's beginning.
    fn clock_timestamp() -> Timestamptz;
}
