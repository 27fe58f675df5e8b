//! Writes the JSON Schemas of all stored documents into the folder that is named as the only argument.

use std::fs;
use std::io;
use std::path::PathBuf;

fn main() -> io::Result<()> {
    let folder = std::env::args_os().nth(1).map(PathBuf::from);
    let folder = folder.ok_or_else(|| io::Error::other("name the folder to write to"))?;
    fs::create_dir_all(&folder)?;
    for (name, schema) in lakedr_control::schema::all() {
        fs::write(folder.join(name), format!("{schema:#}\n"))?;
    }
    Ok(())
}
