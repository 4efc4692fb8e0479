//! Embeds the files of the pages: lists them for `src/http/pages.rs`, each as it is and compressed.

use std::{
    env,
    error::Error,
    fmt::Write as _,
    fs,
    io::Write as _,
    path::{Path, PathBuf},
};

use brotli::enc::{BrotliEncoderParams, backward_references::BrotliEncoderMode};
use flate2::{Compression, write::GzEncoder};
use sha2::{Digest, Sha256};

const FOLDER: &str = "static";
/// The files that are served, by the end of their names. The folder also holds scripts and licences.
const SERVED: [&str; 7] = [".css", ".d.ts", ".html", ".js", ".json", ".svg", ".ico"];

type Result<T> = std::result::Result<T, Box<dyn Error>>;

fn main() -> Result<()> {
    println!("cargo::rerun-if-changed={FOLDER}");
    println!("cargo::rerun-if-changed=build.rs");
    let (source, target) = (PathBuf::from(env::var("CARGO_MANIFEST_DIR")?), PathBuf::from(env::var("OUT_DIR")?));
    let folder = source.join(FOLDER);
    let mut names = Vec::new();
    list(&folder, &folder, &mut names)?;
    names.sort();
    let mut files = String::from("&[\n");
    for (number, name) in names.iter().enumerate() {
        let text = fs::read(folder.join(name))?;
        let variant = |content: &[u8], end: &str| -> Result<String> {
            let path = target.join(format!("{number}{end}"));
            fs::write(&path, content)?;
            let mut tag = String::new();
            for byte in &Sha256::digest(content)[..12] {
                write!(tag, "{byte:02x}")?;
            }
            let path = path.to_str().ok_or("the folder's name is not UTF-8")?;
            Ok(format!("Variant {{ tag: {:?}, body: include_bytes!({path:?}) }}", format!("\"{tag}\"")))
        };
        let plain = variant(&text, "")?;
        let packed = |content: Vec<u8>, end: &str| -> Result<String> {
            // One that saves nothing is not worth its place.
            Ok(if content.len() < text.len() { format!("Some({})", variant(&content, end)?) } else { "None".into() })
        };
        let (gzip, brotli) = (packed(gzip(&text)?, ".gz")?, packed(brotli(&text)?, ".br")?);
        writeln!(files, "File {{ name: {name:?}, plain: {plain}, gzip: {gzip}, brotli: {brotli} }},")?;
    }
    files.push(']');
    fs::write(target.join("pages.rs"), files)?;
    Ok(())
}

/// The names of the served files in `folder`, relative to `top`.
fn list(top: &Path, folder: &Path, names: &mut Vec<String>) -> Result<()> {
    for entry in fs::read_dir(folder)? {
        let path = entry?.path();
        if path.is_dir() {
            list(top, &path, names)?;
            continue;
        }
        let name = path.strip_prefix(top)?.to_str().ok_or("a file's name is not UTF-8")?.replace('\\', "/");
        if name != "package.json" && SERVED.iter().any(|end| name.ends_with(end)) {
            names.push(name);
        }
    }
    Ok(())
}

fn gzip(text: &[u8]) -> Result<Vec<u8>> {
    let mut encoder = GzEncoder::new(Vec::new(), Compression::best());
    encoder.write_all(text)?;
    Ok(encoder.finish()?)
}

fn brotli(mut text: &[u8]) -> Result<Vec<u8>> {
    let params = BrotliEncoderParams { mode: BrotliEncoderMode::BROTLI_MODE_TEXT, ..BrotliEncoderParams::default() };
    let mut packed = Vec::new();
    brotli::BrotliCompress(&mut text, &mut packed, &params)?;
    Ok(packed)
}
