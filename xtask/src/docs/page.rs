//! One Markdown page in the form that the Terraform registry shows.

use std::path::{Path, PathBuf};

use anyhow::{Context as _, Result};

use super::attribute::{Attribute, Role};
use super::provider_schema::{ProviderSchema, Schema};
use super::searches::Searches;
use super::tree::Pages;
use crate::paths;

/// What the page of the provider says between its example and its schema.
const INDEX: &str = include_str!("text/index.md");
/// What each page of a list resource says there.
const LIST_RESOURCE: &str = include_str!("text/list_resource.md");

/// All pages of the provider.
pub(super) fn all(provider: &ProviderSchema, searches: &Searches) -> Result<Pages> {
    let mut pages = Pages::new();
    let index = Page {
        title: "lakedr Provider",
        heading: "lakedr Provider".to_owned(),
        schema: &provider.provider,
        example: example("provider/provider.tf")?,
        more: INDEX,
        import: None,
    };
    pages.insert(PathBuf::from("docs/index.md"), index.render());
    for (name, schema) in &provider.resources {
        let page = Page {
            title: &format!("{name} Resource - lakedr"),
            heading: format!("{name} (Resource)"),
            schema,
            example: example(&format!("resources/{name}/resource.tf"))?,
            more: "",
            import: Some(Import::of(name, &searches.identity)?),
        };
        pages.insert(place("docs/resources", name), page.render());
    }
    for (name, schema) in &provider.data_sources {
        let page = Page {
            title: &format!("{name} Data Source - lakedr"),
            heading: format!("{name} (Data Source)"),
            schema,
            example: example(&format!("data-sources/{name}/data-source.tf"))?,
            more: "",
            import: None,
        };
        pages.insert(place("docs/data-sources", name), page.render());
    }
    for (name, schema) in &searches.list_resources {
        let page = Page {
            title: &format!("{name} List Resource - lakedr"),
            heading: format!("{name} (List Resource)"),
            schema,
            example: example(&format!("list-resources/{name}/list-resource.tfquery.hcl"))?,
            more: LIST_RESOURCE,
            import: None,
        };
        pages.insert(place("docs/list-resources", name), page.render());
    }
    for (name, function) in &provider.functions {
        let page = function.page(&example(&format!("functions/{name}/function.tf"))?);
        pages.insert(Path::new("docs/functions").join(format!("{name}.md")), page);
    }
    Ok(pages)
}

/// The registry leaves the provider's name out of file names.
fn place(folder: &str, name: &str) -> PathBuf {
    let short = name.strip_prefix("lakedr_").unwrap_or(name);
    Path::new(folder).join(format!("{short}.md"))
}

fn example(file: &str) -> Result<String> {
    let path = paths::root().join("examples").join(file);
    let text =
        std::fs::read_to_string(&path).with_context(|| format!("read the example {}", path.display()))?;
    Ok(text.trim_end().to_owned())
}

struct Page<'a> {
    title: &'a str,
    heading: String,
    schema: &'a Schema,
    example: String,
    /// Markdown between the example and the schema.
    more: &'a str,
    import: Option<Import<'a>>,
}

/// How an existing object is imported.
struct Import<'a> {
    by_identity: String,
    identity: &'a [Attribute],
    by_id: String,
    command: String,
}

impl<'a> Import<'a> {
    fn of(name: &str, identity: &'a [Attribute]) -> Result<Self> {
        let file = |file: &str| example(&format!("resources/{name}/{file}"));
        Ok(Self {
            by_identity: file("import-by-identity.tf")?,
            identity,
            by_id: file("import-by-string-id.tf")?,
            command: file("import.sh")?,
        })
    }

    fn render(&self) -> String {
        let Self { by_identity, identity, by_id, command } = self;
        let identity: String = identity.iter().map(|part| line(part, &[])).collect();
        format!(
            "\n## Import\n\nAn existing object is imported by its name, with an \
             [`import` block](https://developer.hashicorp.com/terraform/language/import) or with the \
             [`terraform import`](https://developer.hashicorp.com/terraform/cli/commands/import) command.\n\n\
             An `import` block with an `id` requires Terraform 1.5 or later:\n\n```terraform\n{by_id}\n```\n\n\
             An `import` block with an `identity` requires Terraform 1.12 or OpenTofu 1.12 or later:\n\n\
             ```terraform\n{by_identity}\n```\n\n### Identity Schema\n\n#### Required\n\n{identity}\n\
             ### Command\n\n```shell\n{command}\n```\n"
        )
    }
}

impl Page<'_> {
    fn render(&self) -> String {
        let Self { title, heading, schema, example, more, .. } = self;
        let more = if more.is_empty() { String::new() } else { format!("{}\n\n", more.trim_end()) };
        let summary = schema.description.lines().next().unwrap_or_default();
        let description = &schema.description;
        let mut page = format!(
            "---\npage_title: \"{title}\"\nsubcategory: \"\"\ndescription: |-\n  {summary}\n---\n\n\
             <!-- generated by `cargo xtask docs`; the text is the schema's, the example is a file in examples/ -->\n\n\
             # {heading}\n\n{description}\n\n## Example Usage\n\n```terraform\n{example}\n```\n\n{more}## Schema\n"
        );
        groups(&mut page, "###", &schema.attributes, &[]);
        nested(&mut page, &schema.attributes, &[]);
        if let Some(import) = &self.import {
            page.push_str(&import.render());
        }
        page
    }
}

/// The attributes of one level, by who gives them their value.
fn groups(page: &mut String, heading: &str, attributes: &[Attribute], above: &[&str]) {
    let roles = [(Role::Required, "Required"), (Role::Optional, "Optional"), (Role::ReadOnly, "Read-Only")];
    for (role, title) in roles {
        let lines: String =
            attributes.iter().filter(|found| found.role == role).map(|found| line(found, above)).collect();
        if !lines.is_empty() {
            let title = if heading.is_empty() { format!("{title}:") } else { format!("{heading} {title}") };
            page.push_str(&format!("\n{title}\n\n{lines}"));
        }
    }
}

fn line(attribute: &Attribute, above: &[&str]) -> String {
    let Attribute { name, kind, description, .. } = attribute;
    let mut kind = kind.clone();
    for (flag, word) in [(attribute.sensitive, ", Sensitive"), (attribute.deprecated, ", Deprecated")] {
        kind.push_str(if flag { word } else { "" });
    }
    let see = if attribute.nested.is_empty() {
        String::new()
    } else {
        format!(" (see [below for nested schema](#{}))", anchor(&path(above, name)))
    };
    // a list item goes on where its lines are indented
    format!("- `{name}` ({kind}) {}{see}\n", description.replace('\n', "\n  "))
}

/// A section for each attribute that has attributes, in depth.
fn nested(page: &mut String, attributes: &[Attribute], above: &[&str]) {
    for attribute in attributes.iter().filter(|found| !found.nested.is_empty()) {
        let here = path(above, &attribute.name);
        let title = here.join(".");
        page.push_str(&format!("\n<a id=\"{}\"></a>\n### Nested Schema for `{title}`\n", anchor(&here)));
        groups(page, "", &attribute.nested, &here);
        nested(page, &attribute.nested, &here);
    }
}

fn path<'a>(above: &[&'a str], name: &'a str) -> Vec<&'a str> {
    [above, &[name]].concat()
}

fn anchor(path: &[&str]) -> String {
    format!("nestedatt--{}", path.join("--"))
}

#[cfg(test)]
mod tests {
    use super::super::attribute::attributes;
    use super::*;
    use serde_json::json;

    #[test]
    fn a_page_has_every_attribute_in_its_group_and_every_level_its_section() {
        let attributes = attributes(&json!({"attributes": {
            "id": {"type": "string", "description": "Id.", "computed": true},
            "key": {"type": "string", "description": "Key.", "optional": true, "sensitive": true},
            "side": {"description": "Side.", "required": true, "nested_type": {"nesting_mode": "single", "attributes": {
                "tables": {"description": "Tables.", "optional": true, "nested_type": {"nesting_mode": "list", "attributes": {
                    "name": {"type": "string", "description": "Name.", "required": true}}}}}}},
        }}))
        .unwrap();
        let schema = Schema { description: "What it is.\n\nMore.".to_owned(), attributes };
        let example = "resource \"x\" \"y\" {}".to_owned();
        let import = Some(Import {
            by_identity: "import { to = x.y, identity = { key = \"y\" } }".to_owned(),
            identity: &schema.attributes[..1],
            by_id: "import { to = x.y, id = \"y\" }".to_owned(),
            command: "terraform import x.y y".to_owned(),
        });
        let page = Page {
            title: "x Resource",
            heading: "x (Resource)".to_owned(),
            schema: &schema,
            example,
            more: "## More\n",
            import,
        };
        let expected = include_str!("page_test.md");
        assert_eq!(page.render(), expected);
    }
}
