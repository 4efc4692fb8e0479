//! The behaviour of a `SQLite` file: these tests are left out where the others run on a server (`make databases`).

mod deleted_text;
mod disk_full;
mod fsync;
mod gone_database;
mod gone_log;
mod hanging_disk;
mod long_history;
mod operating;
mod refused_fsync;
mod small_disk;
mod start;
