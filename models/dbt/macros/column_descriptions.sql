{#-
  Writes the descriptions of columns by a statement. dbt's own way sends every column with an empty list
  of policy tags, for which BigQuery can ask for the right to set tags (bigquery.tables.setCategory;
  googleapis/python-bigquery #557), and the account that runs models does not have it.
-#}
{% macro bigquery__alter_column_comment(relation, column_dict) -%}
  {%- set changes = [] -%}
  {%- for name, column in column_dict.items() if column.description and '.' not in name -%}
    {%- set text = column.description | replace('\\', '\\\\') | replace('"', '\\"') | replace('\n', ' ') -%}
    {%- do changes.append('ALTER COLUMN `' ~ name ~ '` SET OPTIONS (description = "' ~ text ~ '")') -%}
  {%- endfor -%}
  {%- if changes -%}
    {%- do run_query('ALTER ' ~ ('VIEW ' if relation.is_view else 'TABLE ') ~ relation ~ ' ' ~ changes | join(', ')) -%}
  {%- endif -%}
{%- endmacro %}
