{#- The same for the staging model of the day's sensor type; of the unclaimed
    messages where no domain takes them. -#}
{% macro staged_fingerprint() -%}
    case days.sensor_type
        {%- for sensor_type, staging_model in var('sensor_domains').items() %}
        when '{{ sensor_type }}' then {{
            stored_fingerprint(ref(staging_model), 'days.production_date')
        }}
        {%- endfor %}
        else {{ stored_fingerprint(
            ref('stg_unclaimed_messages'), 'days.production_date'
        ) }}
    end
{%- endmacro %}
