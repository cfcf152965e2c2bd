{{- define "cqar.podSecurity" -}}
runAsNonRoot: true
runAsUser: 10001
runAsGroup: 10001
fsGroup: 10001
seccompProfile: {type: RuntimeDefault}
{{- end }}

{{- define "cqar.containerSecurity" -}}
allowPrivilegeEscalation: false
readOnlyRootFilesystem: true
capabilities: {drop: [ALL]}
{{- end }}

{{- /* On different machines and in different zones, where there are; takes (list $ "writer"). */ -}}
{{- define "cqar.spread" -}}
affinity:
  podAntiAffinity:
    preferredDuringSchedulingIgnoredDuringExecution:
      - weight: 100
        podAffinityTerm:
          topologyKey: kubernetes.io/hostname
          labelSelector:
            matchLabels: {{- include "cqar.selector" . | nindent 14 }}
topologySpreadConstraints:
  - maxSkew: 1
    topologyKey: topology.kubernetes.io/zone
    whenUnsatisfiable: ScheduleAnyway
    labelSelector:
      matchLabels: {{- include "cqar.selector" . | nindent 8 }}
{{- end }}

{{- /* Where a service finds its settings; takes "WRITER" or "RESOLVER". */ -}}
{{- define "cqar.environment" -}}
- {name: CQAR_CONFIG, value: /etc/cqar/config.yaml}
- {name: CQAR_{{ . }}_DATABASE_URL_FILE, value: /run/secrets/cqar/database_url}
- {name: CQAR_{{ . }}_NATS_URL_FILE, value: /run/secrets/cqar/nats_url}
- {name: CQAR_{{ . }}_REDIS_URL_FILE, value: /run/secrets/cqar/redis_url}
- {name: CQAR_{{ . }}_INTEGRITY_KEY_FILE, value: /run/secrets/cqar/integrity_key}
{{- end }}

{{- define "cqar.pullSecrets" -}}
{{- with .Values.image.pullSecrets }}
imagePullSecrets: {{- toYaml . | nindent 2 }}
{{- end }}
{{- end }}
