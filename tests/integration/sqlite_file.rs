//! What holds of a database that is a file of this machine.

mod deleted_text;
