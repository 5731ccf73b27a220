{#- An aggregate over the rates of a device's observed steps that end in the trailing
    window (var `rolling_window`) before a step's end, its own among them. -#}
{% macro of_the_trailing_steps(aggregate, step) -%}
    (
        select round({{ aggregate }}({{ step_rate('earlier') }}), 3)
        from (select * from {{ ref('int_brick_steps') }}) as earlier
        where earlier.device_id = {{ step }}.device_id
            and earlier.ends_at > {{ step }}.ends_at - interval {{ literal(var('rolling_window')) }}
            and earlier.ends_at <= {{ step }}.ends_at
            and earlier.state <> 'unobserved'
    )
{%- endmacro %}


{#- Pieces per hour of an observed step; NULL where nobody was watching. -#}
{% macro step_rate(step) -%}
    case
        when {{ step }}.state <> 'unobserved'
            then {{ step }}.count_increment * 3600 / nullif({{ step }}.seconds, 0)
    end
{%- endmacro %}
