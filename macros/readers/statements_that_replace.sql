{#- What puts another relation into the place of one that stands, grants included: as
    patient a step as any, because who reads the old one is in the way. -#}
{% macro statements_that_replace(relation, wanted, create) %}
  {{ return(
      statements_that_free(relation)
      + ['drop ' ~ relation.type | replace('_', ' ') ~ ' ' ~ relation, create]
      + grants_of(relation, wanted)
  ) }}
{% endmacro %}
