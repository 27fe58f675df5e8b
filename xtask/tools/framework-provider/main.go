// A provider that does as little as a provider can: each resource is a file of a local folder, which is read and nothing else.
// One resource has the attributes of lakedr_sync_group, taken from the schema that Terraform printed, so that Terraform itself
// has the same to do; the other one (trivial.go) has next to none.
package main

import (
	"context"
	"encoding/json"
	"log"
	"os"
	"path/filepath"

	"github.com/hashicorp/terraform-plugin-framework/attr"
	"github.com/hashicorp/terraform-plugin-framework/datasource"
	"github.com/hashicorp/terraform-plugin-framework/diag"
	"github.com/hashicorp/terraform-plugin-framework/path"
	"github.com/hashicorp/terraform-plugin-framework/provider"
	providerschema "github.com/hashicorp/terraform-plugin-framework/provider/schema"
	"github.com/hashicorp/terraform-plugin-framework/providerserver"
	"github.com/hashicorp/terraform-plugin-framework/resource"
	"github.com/hashicorp/terraform-plugin-framework/resource/schema"
	"github.com/hashicorp/terraform-plugin-framework/types"
	"github.com/hashicorp/terraform-plugin-go/tftypes"
)

// What Terraform printed: `terraform providers schema -json`.
const schemaVariable = "PEER_SCHEMA"

type block struct {
	Attributes map[string]attribute `json:"attributes"`
}

type attribute struct {
	Type     json.RawMessage `json:"type"`
	Required bool            `json:"required"`
	Optional bool            `json:"optional"`
	Computed bool            `json:"computed"`
	Nested   *struct {
		Mode       string               `json:"nesting_mode"`
		Attributes map[string]attribute `json:"attributes"`
	} `json:"nested_type"`
}

func attributes(of map[string]attribute) map[string]schema.Attribute {
	made := map[string]schema.Attribute{}
	for name, a := range of {
		made[name] = a.made()
	}
	return made
}

func (a attribute) made() schema.Attribute {
	r, o, c := a.Required, a.Optional, a.Computed
	if a.Nested != nil {
		inner := attributes(a.Nested.Attributes)
		if a.Nested.Mode == "list" {
			object := schema.NestedAttributeObject{Attributes: inner}
			return schema.ListNestedAttribute{Required: r, Optional: o, Computed: c, NestedObject: object}
		}
		return schema.SingleNestedAttribute{Required: r, Optional: o, Computed: c, Attributes: inner}
	}
	switch string(a.Type) {
	case `"string"`:
		return schema.StringAttribute{Required: r, Optional: o, Computed: c}
	case `"bool"`:
		return schema.BoolAttribute{Required: r, Optional: o, Computed: c}
	case `"number"`:
		return schema.NumberAttribute{Required: r, Optional: o, Computed: c}
	}
	var collection []string
	if err := json.Unmarshal(a.Type, &collection); err != nil || collection[1] != "string" {
		log.Fatalf("no attribute of the peer has the type %s", a.Type)
	}
	var element attr.Type = types.StringType
	if collection[0] == "map" {
		return schema.MapAttribute{Required: r, Optional: o, Computed: c, ElementType: element}
	}
	return schema.ListAttribute{Required: r, Optional: o, Computed: c, ElementType: element}
}

func printed() schema.Schema {
	var told struct {
		Providers map[string]struct {
			Resources map[string]struct {
				Block block `json:"block"`
			} `json:"resource_schemas"`
		} `json:"provider_schemas"`
	}
	bytes, err := os.ReadFile(os.Getenv(schemaVariable))
	if err == nil {
		err = json.Unmarshal(bytes, &told)
	}
	if err != nil {
		log.Fatalf("%s: %v", schemaVariable, err)
	}
	for _, provider := range told.Providers {
		return schema.Schema{Attributes: attributes(provider.Resources["lakedr_sync_group"].Block.Attributes)}
	}
	log.Fatalf("%s names no provider", schemaVariable)
	return schema.Schema{}
}

type peer struct{ group schema.Schema }

func (peer) Metadata(_ context.Context, _ provider.MetadataRequest, response *provider.MetadataResponse) {
	response.TypeName = "peer"
}

func (peer) Schema(_ context.Context, _ provider.SchemaRequest, response *provider.SchemaResponse) {
	response.Schema = providerschema.Schema{Attributes: map[string]providerschema.Attribute{
		"folder": providerschema.StringAttribute{Required: true},
	}}
}

func (peer) Configure(ctx context.Context, request provider.ConfigureRequest, response *provider.ConfigureResponse) {
	var folder types.String
	response.Diagnostics.Append(request.Config.GetAttribute(ctx, path.Root("folder"), &folder)...)
	response.ResourceData = folder.ValueString()
}

func (peer) DataSources(context.Context) []func() datasource.DataSource { return nil }

func (p peer) Resources(context.Context) []func() resource.Resource {
	return []func() resource.Resource{
		func() resource.Resource { return &file{schema: p.group} },
		func() resource.Resource { return &trivial{} },
	}
}

type file struct {
	schema schema.Schema
	folder string
}

func (*file) Metadata(_ context.Context, _ resource.MetadataRequest, response *resource.MetadataResponse) {
	response.TypeName = "peer_sync_group"
}

func (f *file) Schema(_ context.Context, _ resource.SchemaRequest, response *resource.SchemaResponse) {
	response.Schema = f.schema
}

func (f *file) Configure(_ context.Context, request resource.ConfigureRequest, _ *resource.ConfigureResponse) {
	if folder, known := request.ProviderData.(string); known {
		f.folder = folder
	}
}

func (f *file) place(name types.String) string {
	return filepath.Join(f.folder, name.ValueString()+".json")
}

// The plan as a state: what only the provider could know is null.
func known(plan tftypes.Value) (tftypes.Value, error) {
	return tftypes.Transform(plan, func(_ *tftypes.AttributePath, value tftypes.Value) (tftypes.Value, error) {
		if value.IsKnown() {
			return value, nil
		}
		return tftypes.NewValue(value.Type(), nil), nil
	})
}

func (f *file) write(name types.String, diagnostics *diag.Diagnostics) {
	bytes, err := json.Marshal(map[string]string{"name": name.ValueString()})
	if err == nil {
		err = os.WriteFile(f.place(name), bytes, 0o644)
	}
	if err != nil {
		diagnostics.AddError("cannot write", err.Error())
	}
}

func (f *file) Create(ctx context.Context, request resource.CreateRequest, response *resource.CreateResponse) {
	var name types.String
	response.Diagnostics.Append(request.Plan.GetAttribute(ctx, path.Root("name"), &name)...)
	f.write(name, &response.Diagnostics)
	state, err := known(request.Plan.Raw)
	if err != nil {
		response.Diagnostics.AddError("cannot keep", err.Error())
	}
	response.State.Raw = state
}

func (f *file) Update(ctx context.Context, request resource.UpdateRequest, response *resource.UpdateResponse) {
	var name types.String
	response.Diagnostics.Append(request.Plan.GetAttribute(ctx, path.Root("name"), &name)...)
	f.write(name, &response.Diagnostics)
	state, err := known(request.Plan.Raw)
	if err != nil {
		response.Diagnostics.AddError("cannot keep", err.Error())
	}
	response.State.Raw = state
}

func (f *file) Read(ctx context.Context, request resource.ReadRequest, response *resource.ReadResponse) {
	var name types.String
	response.Diagnostics.Append(request.State.GetAttribute(ctx, path.Root("name"), &name)...)
	bytes, err := os.ReadFile(f.place(name))
	if os.IsNotExist(err) {
		response.State.RemoveResource(ctx)
		return
	}
	var stored map[string]string
	if err == nil {
		err = json.Unmarshal(bytes, &stored)
	}
	if err != nil {
		response.Diagnostics.AddError("cannot read", err.Error())
		return
	}
	response.Diagnostics.Append(response.State.SetAttribute(ctx, path.Root("name"), stored["name"])...)
}

func (f *file) Delete(ctx context.Context, request resource.DeleteRequest, response *resource.DeleteResponse) {
	var name types.String
	response.Diagnostics.Append(request.State.GetAttribute(ctx, path.Root("name"), &name)...)
	if err := os.Remove(f.place(name)); err != nil {
		response.Diagnostics.AddError("cannot delete", err.Error())
	}
}

func main() {
	group := printed()
	serve := func() provider.Provider { return peer{group} }
	options := providerserver.ServeOpts{Address: "registry.terraform.io/lakedr/peer"}
	if err := providerserver.Serve(context.Background(), serve, options); err != nil {
		log.Fatal(err)
	}
}
