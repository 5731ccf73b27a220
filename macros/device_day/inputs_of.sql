{#- What a model reads, found in its refs through views and ephemeral models:

    - `tables`: device-day tables, which say themselves what they have built;
    - `plain`: seeds and other tables, whose rows are hashed;
    - `views`: code that runs as the model's own;
    - `reads_raw`: whether it reads raw messages. What a view over these reads besides is
      in the ledger's hash, which is made through the same view. -#}
{% macro inputs_of(node) -%}
    {%- set inputs = {'tables': [], 'plain': [], 'views': [], 'reads_raw': []} -%}
    {%- do collect_inputs(node, inputs, node) -%}
    {{ return(inputs) }}
{%- endmacro %}


{% macro collect_inputs(node, inputs, model) -%}
    {%- for id in node.depends_on.nodes if id.startswith('source.') -%}
        {%- do inputs.reads_raw.append(node.name) -%}
    {%- endfor -%}
    {%- for id in node.depends_on.nodes if node.name not in inputs.reads_raw -%}
        {%- set input = graph.nodes[id] -%}
        {%- set kind = input.config.materialized -%}
        {%- if input.name in ['device_days', 'int_message_days'] -%}
            {%- if node.unique_id != model.unique_id -%}
                {{ exceptions.raise_compiler_error(
                    node.name ~ ' reads ' ~ input.name ~ ', and ' ~ model.name
                    ~ ', which is written of it, cannot tell which columns: import them'
                    ~ ' there, with days().'
                ) }}
            {%- endif -%}
        {%- elif kind == 'device_day' -%}
            {%- if input.name not in inputs.tables %}{% do inputs.tables.append(input.name) %}{% endif -%}
        {%- elif kind in ['view', 'ephemeral'] -%}
            {%- if kind == 'view' and input.relation_name not in inputs.views -%}
                {%- do inputs.views.append(input.relation_name) -%}
            {%- endif -%}
            {%- do collect_inputs(input, inputs, model) -%}
        {%- elif input.unique_id not in inputs.plain | map(attribute='unique_id') -%}
            {%- do inputs.plain.append(input) -%}
        {%- endif -%}
    {%- endfor -%}
{%- endmacro %}


{#- The sensor types whose days a model has, as a predicate: those that its folder's staging
    model judges; in a folder without one all, or by config `sensor_types: unclaimed` those
    of no domain. -#}
{% macro has_sensor_type_of(node) -%}
    {%- set types = [] -%}
    {%- for sensor_type, staging_model in var('sensor_domains').items()
        if node.config.get('sensor_types') or model_named(staging_model).fqn[1] == node.fqn[1] -%}
        {%- do types.append(literal(sensor_type)) -%}
    {%- endfor -%}
    {%- if types -%}
        days.sensor_type {{ 'not in' if node.config.get('sensor_types') else 'in' }} ({{ types | join(', ') }})
    {%- else -%} true
    {%- endif -%}
{%- endmacro %}


{#- Whether a model keeps what it built of days whose raw messages may be gone. -#}
{% macro keeps_expired(node) -%}
    {{ return(inputs_of(node).reads_raw != [] and not node.config.get('builds_expired_days')) }}
{%- endmacro %}
