//! Settings whose feature this version does not have.

use std::convert::Infallible;

use clap::Args;

/// They are refused wherever they are given, rather than taken and ignored.
#[derive(Debug, Clone, Args)]
pub struct AbsentArgs {
    /// The connection between several nodes.
    #[arg(long, env = "PARLOR_REDIS_URL", hide = true, value_parser = absent)]
    pub redis_url: Option<Infallible>,
}

fn absent(_: &str) -> Result<Infallible, &'static str> {
    Err("this version does not have this setting")
}
