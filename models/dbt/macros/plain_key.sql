{#-
  The column that GA4's user_id is joined with. A masked value equals no user_id, and a token would
  be copied into a table that has no policy tag, so only a column of class `none` that no transform
  changes is accepted. sources.yml says the class and the transform.
-#}
{% macro plain_key(table, column) %}
  {%- if execute -%}
    {%- set found = namespace(meta=none) -%}
    {%- for source in graph.sources.values() if source.source_name == 'shop' and source.name == table -%}
      {%- if column in source.columns -%}
        {%- set described = source.columns[column] -%}
        {%- set found.meta = described.meta or described.config.meta -%}
      {%- endif -%}
    {%- endfor -%}
    {%- if not found.meta -%}
      {{ exceptions.raise_compiler_error(
        "sources.yml has no column `" ~ column ~ "` of `" ~ table ~ "`, which GA4's user_id names. "
        ~ "Set user_table and user_key, or run `landbridge models sources`."
      ) }}
    {%- endif -%}
    {%- if found.meta.class != 'none' or found.meta.transform -%}
      {{ exceptions.raise_compiler_error(
        "`" ~ table ~ "." ~ column ~ "` has class `" ~ found.meta.class ~ "`"
        ~ (", transform `" ~ found.meta.transform ~ "`" if found.meta.transform else "")
        ~ ": a masked or tokenised key joins nothing, and would be copied without its tag. "
        ~ "Send a surrogate key of class `none`, for example the table's id, to GA4 as user_id, "
        ~ "and name it in user_key."
      ) }}
    {%- endif -%}
  {%- endif -%}
  {{ column }}
{%- endmacro %}
