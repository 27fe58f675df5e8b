package main

import (
	"context"
	"encoding/json"
	"os"
	"path/filepath"

	"github.com/hashicorp/terraform-plugin-framework/diag"
	"github.com/hashicorp/terraform-plugin-framework/resource"
	"github.com/hashicorp/terraform-plugin-framework/resource/schema"
	"github.com/hashicorp/terraform-plugin-framework/resource/schema/planmodifier"
	"github.com/hashicorp/terraform-plugin-framework/resource/schema/stringplanmodifier"
	"github.com/hashicorp/terraform-plugin-framework/types"
)

// The least that a resource can be: three attributes and a file.
type trivial struct{ folder string }

type trivialState struct {
	ID      types.String `tfsdk:"id"`
	Name    types.String `tfsdk:"name"`
	Content types.String `tfsdk:"content"`
}

func (*trivial) Metadata(_ context.Context, _ resource.MetadataRequest, response *resource.MetadataResponse) {
	response.TypeName = "peer_trivial"
}

func (*trivial) Schema(_ context.Context, _ resource.SchemaRequest, response *resource.SchemaResponse) {
	kept := []planmodifier.String{stringplanmodifier.UseStateForUnknown()}
	response.Schema = schema.Schema{Attributes: map[string]schema.Attribute{
		"id":      schema.StringAttribute{Computed: true, PlanModifiers: kept},
		"name":    schema.StringAttribute{Required: true},
		"content": schema.StringAttribute{Required: true},
	}}
}

func (t *trivial) Configure(_ context.Context, request resource.ConfigureRequest, _ *resource.ConfigureResponse) {
	if folder, known := request.ProviderData.(string); known {
		t.folder = folder
	}
}

func (t *trivial) place(name types.String) string {
	return filepath.Join(t.folder, name.ValueString()+".trivial.json")
}

func (t *trivial) write(state *trivialState, diagnostics *diag.Diagnostics) {
	state.ID = state.Name
	bytes, err := json.Marshal(map[string]string{"name": state.Name.ValueString(), "content": state.Content.ValueString()})
	if err == nil {
		err = os.WriteFile(t.place(state.Name), bytes, 0o644)
	}
	if err != nil {
		diagnostics.AddError("cannot write", err.Error())
	}
}

func (t *trivial) Create(ctx context.Context, request resource.CreateRequest, response *resource.CreateResponse) {
	var state trivialState
	response.Diagnostics.Append(request.Plan.Get(ctx, &state)...)
	t.write(&state, &response.Diagnostics)
	response.Diagnostics.Append(response.State.Set(ctx, state)...)
}

func (t *trivial) Update(ctx context.Context, request resource.UpdateRequest, response *resource.UpdateResponse) {
	var state trivialState
	response.Diagnostics.Append(request.Plan.Get(ctx, &state)...)
	t.write(&state, &response.Diagnostics)
	response.Diagnostics.Append(response.State.Set(ctx, state)...)
}

func (t *trivial) Read(ctx context.Context, request resource.ReadRequest, response *resource.ReadResponse) {
	var state trivialState
	response.Diagnostics.Append(request.State.Get(ctx, &state)...)
	bytes, err := os.ReadFile(t.place(state.Name))
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
	state.Content = types.StringValue(stored["content"])
	response.Diagnostics.Append(response.State.Set(ctx, state)...)
}

func (t *trivial) Delete(ctx context.Context, request resource.DeleteRequest, response *resource.DeleteResponse) {
	var state trivialState
	response.Diagnostics.Append(request.State.Get(ctx, &state)...)
	if err := os.Remove(t.place(state.Name)); err != nil {
		response.Diagnostics.AddError("cannot delete", err.Error())
	}
}
