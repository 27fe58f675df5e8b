variable "region" {
  description = "The region this apply is for."
  type        = string
}

variable "control_url" {
  description = "Control store of this region."
  type        = string
}

variable "east" {
  description = "The primary region: its lake, and its place for copies and metadata."
  type = object({
    region          = string
    lake            = string
    location        = string
    storage_options = optional(map(string))
    secret_options  = optional(map(string))
  })
}

variable "west" {
  description = "The secondary region."
  type = object({
    region          = string
    lake            = string
    location        = string
    storage_options = optional(map(string))
    secret_options  = optional(map(string))
  })
}

variable "runs" {
  description = "Where `lakedr mark` keeps the run records while the primary region is active."
  type        = string
}

variable "tables" {
  description = "The tables of the workflow."
  type        = list(string)
  default     = ["cat.raw.bronze", "cat.stage.silver", "cat.mart.gold"]
}

variable "runs_secondary" {
  description = "Where they lie while the secondary region is active, so that runs can be marked when the primary region is lost."
  type        = string
  default     = null
}
